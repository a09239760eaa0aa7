#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# Profiles from real web servers, good ones and bad ones: what is fetched, what is kept, what is said; and notes that they have changed.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in nginx openssl busybox sqlite3 jq ip; do command -v $p >/dev/null || skip_all "$p is not installed"; done
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
export VPROV_CACHE=$work/cache
state=$work/state www=$work/www conf=$work/vprov.conf
mkdir -p "$www" "$work/tls"

# profile NAME MEMORY : one that says which version it is by its memory
profile() {
	local n=${1//[!0-9]/}
	jq ".system.network.hostname = \"$1\" | .hardware.ram[0].size = $2 | .system.network.interfaces.eth0.ip = \"10.94.17.$((n + 20))\"" \
		"$VP_TOP/profiles/quickstart.json"
}
# index FILE... : the list of profiles in the working directory, as Aquilon writes it
index() { printf '<profiles>\n'; for f; do printf "<profile mtime='%s'>%s</profile>\n" "$(stat -c %Y "$f")" "$f"; done; printf '</profiles>\n'; }
# site DIRECTORY MEMORY : hosts n1, n2 and n3, a minute old: what is younger than a second cannot be asked for by its date
site() {
	mkdir -p "$www/$1"
	(cd "$www/$1" && for n in n1 n2 n3; do profile $n "$2" >$n.vprov.test.json; done && touch -d "-${3:-60} seconds" -- *.json &&
		index n?.vprov.test.json >profiles-info.xml && touch -d "-${3:-60} seconds" profiles-info.xml)
}
# sizes ARGUMENT... : "n1 n2 n3 1 GiB" of what check says; $status, $said
sizes() {
	status=0
	said=$("$VPROV" check --config "$conf" --state-dir "$state" "$@" 2>&1 </dev/null) || status=$?
	sed -n 's/^\(n[0-9]*\)\.vprov\.test: ok (1 vCPU, \([^,]*\),.*/\1 \2/p' <<<"$said" | sort | tr '\n' ';'
}
# gives DESCRIPTION WANT ARGUMENT...
gives() {
	local what=$1 want=$2 got
	shift 2
	sizes "$@" >"$work/got"
	got=$(<"$work/got")
	if [[ $got == "$want" ]]; then pass "$what"; else fail "$what" "got: $got"$'\n'"want: $want"$'\n'"$said"; fi
}
all() { printf 'n1 %s;n2 %s;n3 %s;' "$1" "$1" "$1"; }

cat >"$conf" <<-END
	get_timeout = 2
	retrieve_retries = 2
	retrieve_wait = 0
END

# --- A good server ---
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout "$work/tls/ca.key" -out "$work/tls/ca.pem" 2>/dev/null
for n in server client; do
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$n" -addext subjectAltName=IP:127.0.0.1 -keyout "$work/tls/$n.key" -out "$work/tls/$n.csr" 2>/dev/null
	openssl x509 -req -in "$work/tls/$n.csr" -CA "$work/tls/ca.pem" -CAkey "$work/tls/ca.key" -CAcreateserial -days 2 -copy_extensions copy \
		-out "$work/tls/$n.pem" 2>/dev/null
done
mkdir "$work/tls/dir"
cp "$work/tls/ca.pem" "$work/tls/dir"
openssl rehash "$work/tls/dir"
cat >"$work/nginx.conf" <<-END
	user root;
	pid $work/nginx.pid;
	error_log $work/error.log;
	events {}
	http {
		access_log $work/access.log;
		types { text/xml xml; application/json json; }
		root $www;
		server {
			listen 127.0.0.1:80;
			location /encoded { gzip on; gzip_min_length 1; gzip_types text/xml application/json; gzip_http_version 1.0; alias $www/plain; }
			location /declared { alias $www/gz; add_header Content-Encoding gzip; }
			location /undated { alias $www/plain; etag off; add_header Last-Modified ""; if_modified_since off; }
			location /failing { return 500; }
			location /broken/n2.vprov.test.json { return 503; }
			rewrite ^/moved/(.*)\$ http://127.0.0.1/plain/\$1 permanent;
			location ~ ^/loop { return 302 /loop; }
		}
		server {
			listen 127.0.0.1:443 ssl;
			ssl_certificate $work/tls/server.pem;
			ssl_certificate_key $work/tls/server.key;
			ssl_client_certificate $work/tls/ca.pem;
			ssl_verify_client on;
		}
	}
END
start_nginx() { nginx -p "$work" -c "$work/nginx.conf" 2>"$work/nginx.out" && wait_for 10 busybox wget -q -O /dev/null http://127.0.0.1/plain/profiles-info.xml; }
stop_nginx() { nginx -p "$work" -c "$work/nginx.conf" -s stop 2>/dev/null; wait_for 10 test ! -e "$work/nginx.pid"; }
asked() { awk '{ print $9 }' "$work/access.log" | sort | uniq -c | awk '{ printf "%s x %s;", $2, $1 }'; }
objects() { find "$VPROV_CACHE/fetch/objects" -type f -printf '%f %i %T@\n' | sort; }
url=http://127.0.0.1

site plain 1024
start_nginx || { diag "$(cat "$work/nginx.out" "$work/error.log")"; skip_all "nginx does not start"; }
gives "a site by the URL of its directory" "$(all '1 GiB')" $url/plain/
is "... without a word" "$(grep -c 'warning: \|error: ' <<<"$said")" 0
gives "... of its list" "$(all '1 GiB')" $url/plain/profiles-info.xml
before=$(objects)
: >"$work/access.log"
gives "again" "$(all '1 GiB')" $url/plain
is "... nothing is sent twice" "$(asked)" "304 x 4;"
same "... and what is kept stays as it is" "$before" "$(objects)"
: >"$work/access.log"
gives "one host by its name" "n2 1 GiB;" $url/plain n2
is "... the others are not asked for" "$(asked)" "304 x 2;"
gives "a pattern" "n1 1 GiB;n2 1 GiB;" $url/plain 'n[12]*'
gives "a pattern in the URL" "$(all '1 GiB')" "$url/plain/n*"
gives "the URL of a profile" "n3 1 GiB;" $url/plain/n3.vprov.test.json
gives "Content-Encoding by the server" "$(all '1 GiB')" $url/encoded/
gives "a server without dates and tags" "$(all '1 GiB')" $url/undated/
gives "a redirection" "n1 1 GiB;" $url/moved/n1.vprov.test.json
(cd "$www" && mkdir gz && cp plain/* gz && gzip gz/*.json && gzip -k gz/profiles-info.xml)
gives "a list of .json where files are .json.gz" "$(all '1 GiB')" $url/gz/
gives "... with their Content-Encoding" "$(all '1 GiB')" $url/declared/n1.vprov.test.json.gz $url/declared/n2.vprov.test.json.gz $url/gz/ n3
rm "$www/gz/profiles-info.xml"
gives "a gzipped list" "$(all '1 GiB')" $url/gz
printf 'profiles = %s\n' "$url/plain" >>"$conf"
gives "names by the site configuration" "n1 1 GiB;" n1.vprov.test
cat >"$work/ccm.conf" <<<"profile $url/plain/__HOST__.vprov.test.json"
gives "names by a ccm.conf" "n2 1 GiB;n3 1 GiB;" "$work/ccm.conf" n2 'n3*'

# --- Changes ---
site plain 2048 50
gives "another version" "$(all '2 GiB')" $url/plain
is "... and nothing of the former is kept" "$(find "$VPROV_CACHE/fetch/objects" -type f | wc -l)" "$(cat "$VPROV_CACHE"/fetch/sites/*/{whole,hosts} 2>/dev/null | awk -F'\t' '$3 { print $3 }' | sort -u | wc -l)"
(cd "$www/plain" && profile n2 3072 >n2.vprov.test.json && touch -d '-90 seconds' n2.vprov.test.json)
gives "an older Last-Modified with another content is new" "n1 2 GiB;n2 3 GiB;n3 2 GiB;" $url/plain
like "... with a warning" "$said" 'another content has an older Last-Modified'
touch -d '+2 days' "$www/plain/n2.vprov.test.json"
gives "a Last-Modified in the future" "n2 3 GiB;" $url/plain n2
like "... is a warning" "$said" 'Last-Modified is in the future'
(cd "$www/plain" && profile n2 4096 >n2.vprov.test.json && touch -d '+2 days' n2.vprov.test.json)
gives "... and the content decides" "n2 4 GiB;" $url/plain n2
printf '<profile>gone.json</profile></profiles>' >"$work/tail" && sed -i "s|</profiles>|$(<"$work/tail")|" "$www/plain/profiles-info.xml"
gives "a profile that is in the list only: the others are read" "n1 2 GiB;n2 4 GiB;n3 2 GiB;" $url/plain
like "... is an error" "$status $said" '^5 .*plain/gone.json: error: it is in the list of profiles, but the server does not have it'

# --- Failures ---
site plain 1024
sizes $url/plain >/dev/null
site plain 2048 40
sizes $url/plain n1 >/dev/null
stop_nginx
touch -d '-3 days' "$VPROV_CACHE"/fetch/sites/*/whole
gives "a dead server: the copy, of one version" "$(all '1 GiB')" $url/plain
like "... with a warning that gives reason and age" "$status $said" '^0 .*127.0.0.1/plain: warning: .*onnect.*using the copy that was right 3 days ago'
gives "... a host that was fetched since" "n1 2 GiB;" $url/plain n1
gives "... a host that was not" "n2 1 GiB;" $url/plain n2
gives "nothing was ever fetched" "" $url/never/
like "... is an error" "$status $said" '^5 .*http://127.0.0.1/never/: error: .*onnect.*there is no copy of it'
start_nginx
gives "the server is back" "$(all '2 GiB')" $url/plain
gives "no list" "" $url/none/
like "... says so" "$status $said" '^5 .*the server has no profiles-info.xml there'
gives "500" "" $url/failing/
like "... says so" "$status $said" '^5 .*failing/profiles-info.xml: the server says 500'
: >"$work/access.log"
gives "endless redirections end" "" $url/loop/n1.json
site broken 1024
gives "one profile fails: no site" "" $url/broken/
like "... says which" "$status $said" '^5 .*broken/n2.vprov.test.json: the server says 503'
printf '<html>' >"$www/broken/profiles-info.xml"
gives "a list that is none" "" $url/broken/
like "... says so" "$status $said" '^5 .*begins with <profiles>, not with <html>'
(cat "$conf" && printf 'profiles = %s\n' "$url/plain") | sed "0,/^profiles/s|^profiles.*|profiles = http://127.0.0.1:9/x|" >"$work/failover.conf"
conf=$work/failover.conf gives "failover" "n1 2 GiB;" n1
like "... with a warning" "$said" '127.0.0.1/plain: warning: asked instead, because http://127.0.0.1:9/x'

# --- TLS ---
gives "https without a certificate that is trusted" "" https://127.0.0.1/plain/
like "... says so" "$status $said" '^5 .*certificate'
tls() { (cat "$conf" && printf '%s\n' "$@") >"$work/tls.conf"; }
client="cert_file = $work/tls/client.pem"$'\n'"key_file = $work/tls/client.key"
tls "$client" "ca_file = $work/tls/ca.pem"
conf=$work/tls.conf gives "https with a client certificate and a CA file" "$(all '2 GiB')" https://127.0.0.1/plain/
tls "$client" "ca_dir = $work/tls/dir"
conf=$work/tls.conf gives "... a CA directory" "$(all '2 GiB')" https://127.0.0.1/plain/n{1,2,3}.vprov.test.json
tls "ca_file = $work/tls/ca.pem"
conf=$work/tls.conf gives "... without the client certificate" "" https://127.0.0.1/other/
tls "cert_file = $work/none.pem"
conf=$work/tls.conf gives "a certificate file that is absent" "" https://127.0.0.1/plain/
like "... is named" "$said" 'none.pem: error: cert_file: No such file'
cat >"$work/ccm.conf" <<-END
	profile https://127.0.0.1/plain/__HOST__.vprov.test.json
	cert_file $work/tls/client.pem
	key_file $work/tls/client.key
	ca_file $work/tls/ca.pem
END
gives "TLS as ccm.conf says" "n1 2 GiB;" "$work/ccm.conf" n1

# --- A bad server ---
# shellcheck disable=SC2016 # it is another shell's
cat >"$work/bad" <<'END'
#!/bin/bash
read -r _ path _
while read -r line; do [[ ${line%$'\r'} ]] || break; done
list='<profiles><profile>n1.vprov.test.json</profile><profile>n2.vprov.test.json</profile></profiles>'
# answer STATUS HEADERS BODY
answer() { printf 'HTTP/1.0 %s\r\n%bContent-Length: %d\r\n\r\n%s' "$1" "$2" ${#3} "$3"; }
file() { answer '200 OK' '' "$(<"$WORK/www/$1")"; }
case $path in
*/slow/*) printf 'HTTP/1.0 200 OK\r\n\r\n'; for _ in {1..100}; do printf ' '; sleep 0.2; done ;;
*/mute/*) sleep 20 ;;
*/cut/*) printf 'HTTP/1.0 200 OK\r\nContent-Length: 10000\r\n\r\n<profiles>' ;;
*/endless/*) printf 'HTTP/1.0 200 OK\r\n\r\n'; exec cat /dev/zero ;;
*/unasked/*) answer '304 Not Modified' '' '' ;;
*/elsewhere/*) answer '302 Found' "Location: file://$WORK/www/plain/n1.vprov.test.json\r\n" '' ;;
*/garbage/*) printf 'garbage' ;;
*/tags/*) answer '200 OK' 'ETag: "a\tb\001"\r\nLast-Modified: yesterday\r\n' "$(<"$WORK/www/plain/n1.vprov.test.json")" ;;
*/once/profiles-info.xml) answer '200 OK' '' "$list<!-- $(cat "$WORK/version") -->" ;;
*/once/*) v=$(cat "$WORK/version"); file "v$v/${path##*/}"; echo 2 >"$WORK/version" ;;
*/always/profiles-info.xml) answer '200 OK' '' "$list<!-- $RANDOM$RANDOM$RANDOM -->" ;;
*/always/*) file "v1/${path##*/}" ;;
esac
END
chmod 755 "$work/bad"
WORK=$work busybox nc -ll -p 8000 -e "$work/bad" 2>/dev/null &
bad=http://127.0.0.1:8000
site v1 1024
site v2 2048
wait_for 10 busybox wget -q -O /dev/null $bad/always/profiles-info.xml
echo 1 >"$work/version"
gives "the site changes while it is fetched: all of the later version" "n1 2 GiB;n2 2 GiB;" $bad/once/
gives "it changes all the time" "" $bad/always/
like "... is an error" "$status $said" '^5 .*its list of profiles changed while they were fetched, 3 times'
for c in "slow:too slow|Operation too slow|timed out" "mute:timed out|too slow" "cut:remaining|partial" "endless:larger than 32 MiB" "unasked:304 .*without having been asked" \
	"garbage:HTTP/0.9|Unsupported|garbage|Weird"; do
	gives "a server that is ${c%%:*}" "" "$bad/${c%%:*}/"
	if [[ $status == 5 && $said =~ ${c#*:} ]]; then pass "... is told"; else fail "... is told" "$status $said"; fi
done
gives "a redirection to a file" "" $bad/elsewhere/n1.json
like "... is refused" "$status $said" '^5 .*redirects to something that is not http or https'
gives "tags and dates that are none" "n1 2 GiB;" $bad/tags/n1.json
gives "... again" "n1 2 GiB;" $bad/tags/n1.json
is "nothing half is left" "$(find "$VPROV_CACHE/fetch/objects" -name 'tmp.*' | wc -l)" 0
"$VPROV" check --config "$conf" --state-dir "$state" $bad/mute/ >"$work/out" 2>&1 &
pid=$!
sleep 0.5
kill -INT $pid
status=0
wait $pid || status=$?
is "an interruption ends it" "$status $(grep -c 'interrupted while' "$work/out")" "6 1"

# --- Several at once ---
rm -rf "$VPROV_CACHE"
pids=()
for i in 1 2 3 4; do "$VPROV" check --config "$conf" --state-dir "$state" $url/plain >"$work/out.$i" 2>&1 & pids+=($!); done
failed=0
for p in "${pids[@]}"; do wait "$p" || failed=1; done
is "four at once" "$failed $(cat "$work"/out.? | grep -c ': ok')" "0 12"

# --- The example site ---
if [[ -d $VP_SHARED/profiles/site-umd3-18.6.0 ]]; then
	mkdir "$www/umd3" && cp "$VP_SHARED"/profiles/site-umd3-18.6.0/*.{xml,json} "$www/umd3/" && cp "$VP_SHARED/profiles/formats/profiles-info.scdb.xml" "$www/umd3/profiles-info.xml"
	sizes $url/umd3/ >/dev/null
	is "a grid site is fetched, each host once" "$(awk -F'\t' 'NR > 2 && $3 { print $2 }' "$VPROV_CACHE"/fetch/sites/*/whole | grep -c 'example.org.xml')" 13
else
	skip "a grid site is fetched, each host once" "no $VP_SHARED/profiles/site-umd3-18.6.0"
fi

# --- Notes that something has changed ---
note() { printf '%b' "$1" >/dev/udp/127.0.0.1/7777; }
sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
told() { (($(sql "SELECT count(*) FROM event WHERE node = '$1' AND text LIKE 'its profile changed%'") == $2)); }
site plain 1024
"$VPROV" serve --config "$conf" --state-dir "$state" >"$work/serve.out" 2>&1 &
serve=$!
ok "serve listens" wait_for 20 sql "SELECT count(*) FROM event"
# node NAME PROFILE : as if it had been applied as it is now
node() {
	sql "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task, reason, phase)
		VALUES ('$1', '', '', 10, 0, 0, 0, 0, '', 0, 0, 0, '{\"profile\": \"$2\", \"profile_digest\": \"$(sha256sum <"$www/plain/$1.json" | cut -d' ' -f1)\"}', '', '', '', '', '')"
}
node n1.vprov.test $url/plain/n1.vprov.test.json
node n2.vprov.test "$www/plain/n2.vprov.test.json"
node n3.vprov.test $url/plain/n3.vprov.test.json
for n in n1 n2; do (cd "$www/plain" && profile $n 2048 >$n.vprov.test.json); done
note 'cdb 1795289657'
note 'cdb\00001795289657x'
sleep 2
ok "what is no note wakes nobody" told n1.vprov.test 0
note 'cdb\00001795289657'
ok "a note: serve sees that a profile on a server changed" wait_for 10 told n1.vprov.test 1
ok "... and one that is a file" wait_for 10 told n2.vprov.test 1
ok "... and says what to do" grep -q "n1.vprov.test: its profile changed (.*): vprov plan $url/plain/n1.vprov.test.json" "$work/serve.out"
note 'ccm\00001795289658'
(cd "$www/plain" && profile n1 3072 >n1.vprov.test.json)
ok "the next note, at once: it waits, and is not lost" wait_for 15 told n1.vprov.test 2
ok "... what did not change is not told" told n3.vprov.test 0
ok "... nor anything twice" told n2.vprov.test 1
for _ in {1..300}; do note 'cdb\00001'; done
ok "a flood does not end it" kill -0 $serve
ok "a second listener is warned only" bash -c "timeout 3 '$VPROV' serve --config '$conf' --state-dir '$work/state2' 2>&1 | grep -q 'warning: listening on UDP port 7777.*in use'"
kill $serve
ok "serve ends" wait_for 10 bash -c "! kill -0 $serve 2>/dev/null"
"$VPROV" status --watch --config "$conf" --state-dir "$state" >"$work/watch" 2>&1 &
watch=$!
lines() { (($(grep -c n3.vprov.test "$work/watch") >= $1)); }
ok "status --watch shows the nodes" wait_for 10 lines 1
sleep 2
ok "... once" bash -c "! (($(grep -c n3.vprov.test "$work/watch") > 1))"
note 'cdb\00001795289657'
ok "... and again after a note" wait_for 10 lines 2
kill $watch
done_testing
