# SPDX-License-Identifier: Apache-2.0
# make                build/vprov; says which package is missing
# make quickstart     installs what is missing, builds, runs the main job for real
# make test           installs what tests need, runs all of them; make check: the fast ones

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
V := $(shell cat VERSION 2>/dev/null || echo 0.1.0)

SHELL := /bin/bash
PKGS := libvirt libxml-2.0 libarchive jansson libmnl sqlite3 libmicrohttpd smartcols nettle zlib
CPPFLAGS += -D_GNU_SOURCE -DVP_VERSION='"$(V)"' -DVP_PREFIX='"$(PREFIX)"'
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings -Wformat=2 -Wno-format-nonliteral $(if $(CI),-Werror)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARN) $(CFLAGS) $(shell pkg-config --cflags $(PKGS))
LIBS = $(shell pkg-config --libs $(PKGS)) -lpthread -lm

SRC := $(sort $(wildcard provision/*/*.c templates/*.c bridge/*.c pxe/*.c))
SRC := $(filter-out provision/guest/%,$(SRC))
OBJ := $(SRC:%.c=$(BUILD)/obj/%.o)
TESTSRC := $(wildcard tests/unit/*.c)
TESTBIN := $(TESTSRC:tests/unit/%.c=$(BUILD)/tests/%)

all: $(BUILD)/vprov $(BUILD)/guest/vprov-guest

$(BUILD)/obj/%.o: %.c Makefile | needed
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libvprov.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/vprov: $(BUILD)/obj/provision/main.o $(BUILD)/libvprov.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libvprov.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libvprov.a $(LIBS) -lcmocka

# The guest program is static: it runs inside the installer ramdisk and inside nodes, with nothing but a kernel.
$(BUILD)/guest/vprov-guest: $(wildcard provision/guest/*.c provision/guest/*.h) Makefile | needed
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu17 $(WARN) -O2 -static -o $@ $(filter %.c,$^) $(shell pkg-config --libs --static nettle) -lm

needed:
	@command -v pkg-config >/dev/null || { echo "missing package: pkg-config"; exit 1; }
	@for p in $(PKGS); do pkg-config --exists $$p || { echo "vprov needs the library $$p: \`make deps\` installs every package of packages.list"; exit 1; }; done

clean:
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(BUILD)/obj/provision/main.d $(TESTBIN:=.d)
.PHONY: all needed clean
