#!/usr/bin/env bash
# The browser in which the tests open the reports, from Debian's packages. Where it cannot be had, those tests say so and are skipped.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 && exit 0
fi
echo "No Chromium, and it cannot be installed from here: the tests that open a report in a browser will be skipped"
