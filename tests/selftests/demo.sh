#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# The demo as a test: every job is checked against the CPU.
exec /ogpu/demo/ogpu-demo --output /tmp/sketch.png
