# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# What the Makefiles of all parts have in common: where things are installed, and how commands are
# shown. ROOT is the top of the tree.
#
# CC, CFLAGS, CPPFLAGS, LDFLAGS are the caller's, on the command line or in the environment. What a
# part cannot be built without it adds itself, so that nothing is lost by setting them.

VERSION		:= $(shell cat $(ROOT)/driver/VERSION)

PREFIX		?= /usr/local
BINDIR		?= $(PREFIX)/bin
SBINDIR		?= $(PREFIX)/sbin
LIBDIR		?= $(PREFIX)/lib
INCLUDEDIR	?= $(PREFIX)/include
DATADIR		?= $(PREFIX)/share
MANDIR		?= $(DATADIR)/man
DOCDIR		?= $(DATADIR)/doc/ogpu
PKGCONFIGDIR	?= $(LIBDIR)/pkgconfig
COMPLETIONDIR	?= $(DATADIR)/bash-completion/completions
UDEVDIR		?= $(PREFIX)/lib/udev
UNITDIR		?= $(PREFIX)/lib/systemd/system
# Where the kernel and ogpu-fwload look, whatever the prefix.
FIRMWAREDIR	?= /lib/firmware
KEYSDIR		?= /usr/share/ogpu/keys
DESTDIR		?=

INSTALL		?= install
PKG_CONFIG	?= pkg-config
KERNEL_CC	?= riscv64-unknown-elf-gcc

CFLAGS		?= -O2 -g -Werror
# Warnings are never the caller's to leave out. No path of the build gets into what is built.
COMMON_CFLAGS	:= -std=gnu11 -Wall -Wextra -ffile-prefix-map=$(ROOT)/=

# One line for each command, "  CC      file"; V=1 shows the commands, make -s nothing.
ifneq ($(V)$(findstring s,$(firstword -$(MAKEFLAGS))),)
say		:=
else
say		= @printf '  %-7s %s\n' '$(1)' '$(2)'
endif
Q		:= $(if $(V),,@)
