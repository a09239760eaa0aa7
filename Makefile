# SPDX-License-Identifier: Apache-2.0
# make                build/vprov; says which package is missing
# make quickstart     installs what is missing, builds, runs the main job for real
# make test           installs what tests need, runs all of them; make check: the fast ones
# make bench lint format fuzz install uninstall clean deps: see HACKING.md

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
VERSION := 0.1.0
# V=1 shows the commands.
Q := $(if $(V),,@)

SHELL := /bin/bash
NPROC := $(shell nproc)
# Side by side; sub-makes share the job server.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(NPROC)
endif

PKGS := libvirt libxml-2.0 libcurl libseccomp libarchive jansson libmnl sqlite3 libmicrohttpd smartcols hogweed nettle zlib
CPPFLAGS += -D_GNU_SOURCE -DVP_VERSION='"$(VERSION)"'
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings -Wformat=2 -Wno-format-nonliteral $(if $(CI),-Werror)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
# Tests are many programs: their linking takes as long as their compiling.
FAST_LINKER := $(if $(shell command -v ld.gold),-fuse-ld=gold)
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS ?= -O2 -g $(HARDEN)
# Paths of the build machine stay out of the program: the same source gives the same bytes anywhere.
ALL_CFLAGS = -std=gnu17 $(WARN) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS) $(PKG_CFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALL_LDFLAGS = -Wl,--as-needed -Wl,-z,relro $(LDFLAGS)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

SRC := $(filter-out provision/guest/%,$(sort $(wildcard provision/*/*.c templates/*.c bridge/*.c pxe/*.c)))
OBJ := $(SRC:%.c=$(BUILD)/obj/%.o)
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_MAIN := tests/fuzz/replay_main.c
CLI := $(wildcard tests/cli/*.bats)
SYSTEM := $(wildcard tests/system/*.sh tests/system/*.bats)
C_FILES = $(sort $(wildcard provision/*.c provision/*/*.[ch] templates/*.[ch] bridge/*.[ch] pxe/*.[ch] tests/*/*.[ch]))
SCRIPTS = $(sort $(wildcard tests/lib/*.sh) $(shell find .ci tests pxe/installer -type f -exec awk '/^\#!.*(sh|bats)$$/ { print FILENAME } { nextfile }' {} +))

all: $(BUILD)/vprov $(BUILD)/guest/vprov-guest $(BUILD)/vprov.8

$(BUILD)/obj/%.o: %.c Makefile | needed
	@mkdir -p $(@D)
	@echo '  CC      $<'
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/pxe/assets.o: pxe/page.css pxe/page.js pxe/page.svg

$(BUILD)/libvprov.a: $(OBJ)
	@rm -f $@
	$(Q)ar rcsD $@ $^

$(BUILD)/vprov: $(BUILD)/obj/provision/main.o $(BUILD)/libvprov.a
	@echo '  LINK    $@'
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The guest program is static: it runs inside the installer ramdisk and inside nodes, with nothing but a kernel.
$(BUILD)/guest/vprov-guest: $(wildcard provision/guest/*.c provision/guest/*.h) Makefile | needed
	@mkdir -p $(@D)
	@echo '  LINK    $@'
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 $(WARN) -ffile-prefix-map=$(CURDIR)=. -O2 -static -o $@ $(filter %.c,$^) $(shell pkg-config --libs --static nettle) -lm

$(BUILD)/vprov.8: docs/vprov.8.scd | needed
	@mkdir -p $(@D)
	@echo '  MAN     $@'
	$(Q)SOURCE_DATE_EPOCH=0 scdoc <$< >$@

needed:
	@pkg-config --exists $(PKGS) 2>/dev/null && type $(firstword $(CC)) scdoc &>/dev/null || { \
		m=$$(.ci/deps --missing build); echo "missing: $${m:-one of $(CC) scdoc $(PKGS)} (\`make deps\` installs packages)" >&2; exit 1; }

deps:
	@.ci/deps build run test

quickstart:
	@.ci/deps build run
	@$(MAKE) --no-print-directory all
	$(BUILD)/vprov apply profiles/quickstart.xml

# --- Tests: everything under sanitizers, in a build of its own below the other one.

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libvprov.a
	@mkdir -p $(@D)
	@echo '  LINK    $@'
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libvprov.a $(LIBS) -lcmocka

SYSTEM_PROGRAMS := $(patsubst tests/system/%.c,$(BUILD)/%,$(wildcard tests/system/*.c))
$(SYSTEM_PROGRAMS): $(BUILD)/%: tests/system/%.c $(BUILD)/libvprov.a
	@echo '  LINK    $@'
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_MAIN) $(wildcard tests/fuzz/*.h) $(BUILD)/libvprov.a
	@mkdir -p $(@D)
	@echo '  LINK    $@'
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-missing-prototypes $(ALL_LDFLAGS) -o $@ $(filter-out %.h,$^) $(LIBS)

# The sanitized program finds the shipped parts as an installed one does, in ../lib/vprov.
$(BUILD)/lib/vprov: Makefile
	@mkdir -p $@
	@ln -sfn $(CURDIR)/templates $@/templates; ln -sfn $(CURDIR)/pxe/installer $@/installer; ln -sfn ../../guest $@/guest; touch $@

test-programs: $(UNIT:%=$(BUILD)/tests/%) $(FUZZ:%=$(BUILD)/fuzz/%) $(BUILD)/vprov $(BUILD)/guest/vprov-guest
build-for-tests: all $(SYSTEM_PROGRAMS) $(BUILD)/lib/vprov $(BUILD)/tests/reader
	@$(MAKE) --no-print-directory test-programs BUILD=$(BUILD)/san CFLAGS='$(SANITIZE)' LDFLAGS=$(FAST_LINKER)

# The children that parse have guards that sanitizers do not stand: they are tested without, too.
FAST = $(abspath $(BUILD))/tests/reader $(UNIT:%=$(abspath $(BUILD))/san/tests/%) $(FUZZ:%=$(abspath $(BUILD))/san/fuzz/%) $(CLI)
RUN_TESTS = @VP_BUILD=$(abspath $(BUILD)) VPROV=$(abspath $(BUILD))/san/vprov tests/run

check: tests-built
	$(RUN_TESTS) $(FAST)

test: tests-built
	$(RUN_TESTS) $(FAST) $(SYSTEM)

# Every fault at every moment of an installation; MATRIX='guest reset/.*' tries some.
matrix: export MATRIX ?= all
matrix: tests-built
	$(RUN_TESTS) tests/system/matrix.sh; rc=$$?; cat $(BUILD)/log/matrix.txt; exit $$rc

# In makes of their own: what was installed just now is seen by them only. Compiling and the rest of the packages go side by side.
tests-built:
	@.ci/deps build
	@$(MAKE) --no-print-directory objects-for-tests more-deps
	@$(MAKE) --no-print-directory build-for-tests
more-deps:
	@.ci/deps run test
objects-for-tests: all
	@$(MAKE) --no-print-directory $(BUILD)/san/vprov BUILD=$(BUILD)/san CFLAGS='$(SANITIZE)' LDFLAGS=$(FAST_LINKER)

fuzz-programs: $(FUZZ:%=$(BUILD)/fuzz/%)
fuzz:
	@.ci/deps build fuzz
	@$(MAKE) --no-print-directory fuzz-programs BUILD=$(BUILD)/libfuzzer CC=clang FUZZ_MAIN= \
		CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' LDFLAGS=-fsanitize=fuzzer
	@cd $(BUILD)/libfuzzer; rc=0; for f in $(FUZZ:fuzz_%=%); do mkdir -p new/$$f; echo "$$f: $(FUZZ_SECONDS) s"; \
		fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 new/$$f $(CURDIR)/tests/fuzz/corpus/$$f || rc=1; done; exit $$rc

bench:
	@.ci/deps build run test bench
	@$(MAKE) --no-print-directory all $(addprefix $(BUILD)/bench/,ratio define serve site gets gate taps) $(BUILD)/image
	@tests/bench/run $(BUILD)

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/libvprov.a
	@mkdir -p $(@D)
	@echo '  LINK    $@'
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# --- Care of the source.

lint:
	@.ci/deps build test lint
	clang-format --dry-run -Werror $(C_FILES)
	printf '%s\n' $(filter %.c,$(C_FILES)) | xargs -P $(NPROC) -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- -std=gnu17 $(CPPFLAGS) $(PKG_CFLAGS)
	cppcheck --quiet -j $(NPROC) --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
		--suppress=missingIncludeSystem $(CPPFLAGS) $(filter %.c,$(C_FILES))
	shellcheck $(SCRIPTS)

format:
	clang-format -i $(C_FILES)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8 $(addprefix $(DESTDIR)$(PREFIX)/lib/vprov/,templates installer guest)
	install -m 755 $(BUILD)/vprov $(DESTDIR)$(PREFIX)/bin/vprov
	install -m 644 templates/*.mustache $(DESTDIR)$(PREFIX)/lib/vprov/templates
	for f in pxe/installer/*; do install -m $$([ -x $$f ] && echo 755 || echo 644) $$f $(DESTDIR)$(PREFIX)/lib/vprov/installer; done
	install -m 755 $(BUILD)/guest/vprov-guest $(DESTDIR)$(PREFIX)/lib/vprov/guest
	install -m 644 $(BUILD)/vprov.8 $(DESTDIR)$(PREFIX)/share/man/man8/vprov.8
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for u in pxe/vprov bridge/vprov-net; do sed 's|@PREFIX@|$(PREFIX)|' $$u.service.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${u#*/}.service; done
	install -D -m 644 pxe/vprov.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/vprov.conf

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/bin/vprov $(DESTDIR)$(PREFIX)/lib/vprov $(DESTDIR)$(PREFIX)/share/man/man8/vprov.8 \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/vprov.service $(DESTDIR)$(PREFIX)/lib/systemd/system/vprov-net.service \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/vprov.conf

clean:
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(BUILD)/obj/provision/main.d $(UNIT:%=$(BUILD)/tests/%.d)
.PHONY: all needed deps quickstart test-programs build-for-tests tests-built more-deps objects-for-tests check test matrix fuzz-programs fuzz bench lint format install uninstall clean
.DELETE_ON_ERROR:
