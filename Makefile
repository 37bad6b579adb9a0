# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Top of the tree, for three callers: the kernel's build (as part of drivers/gpu/drm/ogpu, or
# with M=), a user on the host, and itself inside the build root.

ifneq ($(KERNELRELEASE),)

obj-$(if $(KBUILD_EXTMOD),m,$(CONFIG_DRM_OGPU)) += driver/

else

# "make help" prints the lines below that begin with "##".
##
## make                  set up the build root if needed, build everything
## make demo             run compute jobs on a virtual card in a test machine
##                       IMAGE=x.png: with a picture of yours; writes x-sketch.png next to it
## make llama            Debian's llama.cpp on a virtual card and on the CPU of the machine, compared
##                       MODEL=x.gguf: with a model of yours; TOKENS=N, PROMPT=TEXT
## make check            all tests: host unit tests, static checks, both stock kernels
## make check-debug      tests and KUnit on a kernel with KASAN, lockdep, kmemleak, ...
## make check-rt         the tests in machines on a kernel with PREEMPT_RT
## make check-steal      the same on the usual kernels, with single threads that stand still
## make check-kernels    the module for every other kernel whose headers Debian offers
## make check-installed  the Debian packages, installed in a system that boots with virtual cards
## make check-runtime    ggml and llama.cpp as Debian packages them, on a virtual card
## make bench            measure; writes build/bench.json
## make shell            interactive test machine with a card
##
## make setup            only the build root (Debian trixie in build/root, needs root)
## make modules          ogpu.ko for KERNEL
## make debug-kernel     only the kernel of check-debug
## make static           only the static checks
## make install          programs, libraries, firmware, headers, manuals, to DESTDIR and PREFIX
##                       (/usr/local); LIBDIR and others: tools/build/rules.mk
## make deb              Debian packages of what is committed, in build/deb
## make rpm              RPM packages of that, in build/rpm
## make dist             build/ogpu-VERSION.tar.xz of what is committed
## make sbom             build/ogpu-VERSION.spdx.json: files, hashes and licences of the sources
## make modules_install  ogpu.ko for the running kernel or KDIR, to INSTALL_MOD_PATH
## make headers_install  headers of the interface to INSTALL_HDR_PATH
## make clean            remove what was built; distclean: the build root and kernels too
##
## KERNEL=7.3 (default) or 6.12 or debug chooses the test machine's kernel; CARDS=N the number of
## cards; JOBS=N the number of parallel jobs; V=1 shows commands.

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
KERNEL ?= 7.3
JOBS ?= $(shell nproc)
VERSION := $(shell cat $(TOP)/driver/VERSION)
export KERNEL CARDS TOKENS PROMPT

# Those of tools/build/rules.mk that the caller sets are his for all parts.
INSTALL_VARS := PREFIX BINDIR SBINDIR LIBDIR INCLUDEDIR DATADIR MANDIR DOCDIR PKGCONFIGDIR COMPLETIONDIR \
	UDEVDIR UNITDIR FIRMWAREDIR KEYSDIR DESTDIR V CC CFLAGS CPPFLAGS LDFLAGS
install_args = $(foreach v,$(INSTALL_VARS),$(if $(filter command\ line environment,$(origin $(v))),$(v)='$($(v))'))

GOALS := all demo llama check check-debug check-rt check-steal check-kernels check-installed check-runtime bench shell setup modules debug-kernel static
GOALS += components product firmware loader libogpu smi vgpu deb rpm
.PHONY: $(GOALS) install product-install dist sbom dkms-source modules_install headers_install clean distclean help
.DEFAULT_GOAL := all

help:
	@sed -n 's/^## \{0,1\}//p' $(TOP)/Makefile

clean:
	@cd $(TOP) && for f in build/*; do \
		case $$f in \
		build/root* | build/next-root* | build/installed-root* | build/kernel | build/linux-source | build/debug-kernel | build/keys) ;; \
		*) rm -rf "$$f" ;; \
		esac; \
	done
	@# What modules_install built.
	@cd $(TOP)/driver && find . \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -delete

distclean: clean
	rm -rf --one-file-system $(TOP)/build

# For the machine that make runs on, not for a test machine.
KDIR ?= /lib/modules/$(shell uname -r)/build
modules_install:
	@[ -e "$(KDIR)/Makefile" ] || { \
		echo "modules_install: no kernel headers in $(KDIR):" \
			"install them, or set KDIR to a kernel's build folder" >&2; \
		exit 1; \
	}
	$(MAKE) -C $(KDIR) M=$(TOP)/driver CONFIG_DRM_OGPU=m modules
	$(MAKE) -C $(KDIR) M=$(TOP)/driver CONFIG_DRM_OGPU=m modules_install
	@# Headers of a distribution lack System.map, and then modules_install leaves this out.
	$(if $(INSTALL_MOD_PATH),,depmod "$$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)")

dist:
	@mkdir -p $(TOP)/build
	@tree=$$(git -C $(TOP) rev-parse --show-toplevel 2>/dev/null) && \
		[ "$$(cd "$$tree" && pwd -P)" = "$$(cd $(TOP) && pwd -P)" ] || { \
		echo "dist: needs the git repository" >&2; exit 1; }
	@id=$$(git -C $(TOP) describe --always --dirty --abbrev=12) && \
	git -C $(TOP) archive --prefix=ogpu-$(VERSION)/ --add-virtual-file=ogpu-$(VERSION)/BUILD_ID:$$id \
		-o $(TOP)/build/ogpu-$(VERSION).tar HEAD
	@xz -T1 -f $(TOP)/build/ogpu-$(VERSION).tar
	@echo "  DIST    build/ogpu-$(VERSION).tar.xz"

sbom:
	@mkdir -p $(TOP)/build
	@$(TOP)/tools/packaging/sbom >$(TOP)/build/ogpu-$(VERSION).spdx.json.new
	@mv $(TOP)/build/ogpu-$(VERSION).spdx.json.new $(TOP)/build/ogpu-$(VERSION).spdx.json
	@echo "  SBOM    build/ogpu-$(VERSION).spdx.json"

# What DKMS builds the module from, and what tells software centres which cards that is for.
dkms-source:
	install -d $(DESTDIR)$(or $(PREFIX),/usr)/src/ogpu-$(VERSION)
	cd $(TOP) && tar -c --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*.cmd' \
		--exclude=modules.order --exclude=Module.symvers --owner=0 --group=0 \
		dkms.conf LICENSES driver uapi/drm | \
		tar -x -C $(DESTDIR)$(or $(PREFIX),/usr)/src/ogpu-$(VERSION)
	install -D -m 644 $(TOP)/tools/packaging/dev.ogpu.driver.metainfo.xml \
		$(DESTDIR)$(or $(PREFIX),/usr)/share/metainfo/dev.ogpu.driver.metainfo.xml

INSTALL_HDR_PATH ?= $(or $(PREFIX),/usr/local)
headers_install:
	install -d $(DESTDIR)$(INSTALL_HDR_PATH)/include/drm
	install -m 644 $(TOP)/uapi/drm/*.h $(DESTDIR)$(INSTALL_HDR_PATH)/include/drm

ifeq ($(OGPU_INSIDE),)

# --- on the host: the same target again, inside the build root -------------------------------------

.PHONY: root
root:
	@$(TOP)/tools/build/setup

setup: root

$(filter-out setup demo llama,$(GOALS)): root
	+@cd $(TOP) && tools/build/in-root $(MAKE) --no-print-directory \
		$(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) $@

# Debian's next suite is beside the build root.
.PHONY: next-root
next-root: root
	@$(TOP)/tools/build/next-root

check-runtime: next-root

# A Debian system for the packages.
.PHONY: installed-root
installed-root: root
	@$(TOP)/tools/build/installed-root

check-installed: installed-root

llama: next-root
	@$(TOP)/tools/ggml/llama/model-in "$(MODEL)"
	+@cd $(TOP) && tools/build/in-root $(MAKE) --no-print-directory \
		$(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) llama

# Files outside the repository are not there in the build root.
demo: root
	@$(TOP)/tools/build/demo-image in "$(IMAGE)"
	+@cd $(TOP) && tools/build/in-root $(MAKE) --no-print-directory \
		$(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) demo
	@$(TOP)/tools/build/demo-image out "$(IMAGE)"

# Built here if this host has what the product needs, else in a build root that is there already: nothing
# is downloaded, and nobody but the caller needs any rights.
install:
	+@case $$($(TOP)/tools/build/product-lacks) in \
	"") cd $(TOP) && $(MAKE) --no-print-directory OGPU_INSIDE=1 product-install $(install_args) ;; \
	*) $(TOP)/tools/build/install-from-root '$(DESTDIR)' \
		$(MAKE) --no-print-directory product-install $(install_args) ;; \
	esac

else

# --- inside the build root ---------------------------------------------------------------------------

MAKEFLAGS += --no-print-directory
Q := $(if $(V),,@)
sub = +@$(MAKE) -C $(TOP)/$(1) O=$(TOP)/build/$(2) all

all: components modules

# What is installed; and what tests need besides.
product: vgpu loader smi firmware libogpu demo-program
components: product tests-programs tests-images bench-programs

.PHONY: demo-program tests-programs tests-images bench-programs
vgpu:
	$(call sub,tools/vgpu,vgpu)

loader:
	$(call sub,firmware-loader,loader)

smi:
	$(call sub,tools/smi,smi)

# The image is signed with the tool and the key that the loader's part makes.
firmware: loader
	$(call sub,firmware-loader/firmware,firmware)

libogpu:
	$(call sub,uapi/libogpu,libogpu)

demo-program: libogpu
	$(call sub,tools/demo,demo)

tests-programs: libogpu
	$(call sub,tests/selftests,tests)

# Bad firmware for tests/selftests/firmware.sh.
tests-images: firmware
	+@$(MAKE) -C $(TOP)/tests/loader O=$(TOP)/build/loader images

bench-programs: libogpu
	$(call sub,tests/bench,bench)

modules:
	@tools/build/module $(KERNEL)

debug-kernel:
	@tools/build/debug-kernel

demo: all
	@tests/vm/demo

llama: all
	@tools/ggml/llama/run

shell: all
	@tests/vm/run --interactive --kernel $(KERNEL) --cards $(or $(CARDS),1)

static:
	@tests/static/run

check: all
	@tests/check --kernels 7.3,6.12

check-rt: all
	@tests/check --only vm --kernels 6.12-rt

check-steal: all
	@tests/check --only vm --kernels 7.3,6.12 --steal 500

check-kernels:
	@tests/check --only kernels

check-runtime: components modules
	@tests/ggml/check

check-installed: tests-images
	@tests/packaging/check-installed

check-debug: components debug-kernel
	@tests/check --debug

bench: all
	@tests/bench/run

deb rpm:
	@tools/packaging/$@

install: product-install
product-install: product
	+$(Q)$(MAKE) -C firmware-loader O=$(TOP)/build/loader $(install_args) install
	+$(Q)$(MAKE) -C firmware-loader/firmware O=$(TOP)/build/firmware $(install_args) install
	+$(Q)$(MAKE) -C uapi/libogpu O=$(TOP)/build/libogpu $(install_args) install
	+$(Q)$(MAKE) -C tools/smi O=$(TOP)/build/smi $(install_args) install
	+$(Q)$(MAKE) -C tools/vgpu O=$(TOP)/build/vgpu $(install_args) install
	+$(Q)$(MAKE) -C tools/demo O=$(TOP)/build/demo $(install_args) install

endif
endif
