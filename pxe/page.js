"use strict";
(() => {
	const table = document.getElementById("nodes"), link = document.getElementById("link"), say = document.getElementById("news");
	const skew = Date.now() / 1000 - Number(link.dataset.now), now = () => Date.now() / 1000 - skew;
	const two = n => String(n).padStart(2, "0");
	const span = s => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)} min` :
		s < 86400 ? `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min` : `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
	const kinds = {
		since: t => span(Math.max(0, Math.floor(now() - t))),
		ago: t => span(Math.max(0, Math.floor(now() - t))) + " ago",
		eta: t => t > now() ? "≈ " + span(Math.ceil((t - now()) / 5) * 5) : "overdue",
		at: t => new Date(t * 1000).toLocaleTimeString([], { hour12: false }),
	};
	const row = name => [...table.tBodies].find(b => b.dataset.name === name);
	const before = (a, b) => a.rank === b.rank ? a.name < b.name : a.rank < b.rank;
	const word = body => body.querySelector(".badge").textContent;

	function tick(within) {
		for (const kind in kinds)
			for (const t of within.querySelectorAll(`time[data-${kind}]`)) {
				const text = kinds[kind](Number(t.dataset[kind]));
				if (t.textContent !== text)
					t.textContent = text;
			}
	}
	function open(body, yes) {
		const pre = body.querySelector("pre");
		body.querySelector(".fold").setAttribute("aria-expanded", yes);
		body.querySelector(".more").classList.toggle("open", yes);
		body.querySelector("details").open = true;
		if (yes && pre)
			pre.scrollTop = pre.scrollHeight;
	}
	function show(kind) {
		table.dataset.show = kind;
		for (const b of document.querySelectorAll("[data-show].tile"))
			b.setAttribute("aria-pressed", b.dataset.show === kind);
	}
	function put(name, html) {
		const t = document.createElement("template"), old = row(name);
		if (old && old.told === html)
			return;
		t.innerHTML = html;
		const body = t.content.firstElementChild, focused = old && old.contains(document.activeElement);
		body.told = html;
		tick(body);
		if (old && word(old) !== word(body)) {
			body.classList.add("fresh");
			say.textContent = `${name}: ${word(body)}`;
		}
		const unfolded = !!old && old.querySelector(".more").classList.contains("open");
		if (old && old.dataset.rank === body.dataset.rank) {
			old.replaceWith(body);
		} else {
			old?.remove();
			table.insertBefore(body, [...table.tBodies].find(b => before(body.dataset, b.dataset)) || null);
		}
		open(body, unfolded);
		if (focused)
			body.querySelector(".fold").focus();
	}
	const on = {
		node: text => put(text.slice(0, text.indexOf("\n")), text.slice(text.indexOf("\n") + 1)),
		// Everything follows: what is not named is gone.
		names: list => {
			for (const b of [...table.tBodies])
				list.split("\n").includes(b.dataset.name) || b.remove();
		},
		gone: name => row(name)?.remove(),
		counts: html => {
			document.getElementById("counts").innerHTML = html;
			show(table.dataset.show || "all");
		},
	};
	function listen() {
		const source = new EventSource("live"), state = (name, text) => {
			link.className = name;
			link.lastElementChild.textContent = text;
		};
		source.onopen = () => state("live", "live");
		source.onerror = () => {
			state("lost", "not connected, trying again");
			if (source.readyState === EventSource.CLOSED)
				setTimeout(listen, 10000);
		};
		for (const kind in on)
			source.addEventListener(kind, e => on[kind](e.data));
	}

	document.documentElement.classList.add("js");
	for (const body of table.tBodies)
		open(body, false);
	const wanted = row(decodeURIComponent(location.hash.slice(1)));
	if (wanted) {
		open(wanted, true);
		wanted.scrollIntoView({ block: "center" });
	}
	show("all");
	tick(document);
	setInterval(() => tick(document), 1000);
	document.addEventListener("click", e => {
		const tile = e.target.closest(".tile"), node = e.target.closest("tr.node");
		if (tile)
			show(tile.dataset.show);
		else if (node && !String(getSelection()))
			open(node.parentElement, node.querySelector(".fold").getAttribute("aria-expanded") === "false");
	});
	listen();
})();
