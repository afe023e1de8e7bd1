#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/apt-sources: both forms of apt's configuration, and what is left out of it."""

import pathlib
import runpy
import types
import unittest

PATH = pathlib.Path(__file__).resolve().parents[2] / "scripts/apt-sources"
apt_sources = types.SimpleNamespace(**runpy.run_path(str(PATH)))

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64,arm64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # why
deb-src http://mirror.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb http://other.example/apt bookworm-pgdg stable
"""
STANZAS = """\
Types: deb deb-src
URIs: http://mirror.example/debian
# a remark
Suites: bookworm bookworm-updates bookworm-backports
Components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def usable(entries):
    return [entry for entry in entries if apt_sources.usable(entry, "bookworm")]


class AptSources(unittest.TestCase):
    def test_one_line_form(self):
        entries = usable(apt_sources.parse_list(ONE_LINE))
        self.assertEqual(entries, [{
            "Types": "deb", "URIs": "http://mirror.example/debian", "Suites": "bookworm",
            "Components": "main contrib", "Architectures": "amd64 arm64", "Signed-By": "/k.gpg"}])

    def test_deb822_form_keeps_an_inline_key(self):
        entry, = usable(apt_sources.parse_sources(STANZAS))
        self.assertEqual(entry["Suites"], "bookworm bookworm-updates bookworm-backports")
        self.assertTrue(entry["Signed-By"].endswith("\n -----END PGP PUBLIC KEY BLOCK-----"))

    def test_another_release(self):
        entry, = usable(apt_sources.parse_sources(STANZAS))
        other = apt_sources.translated(
            entry, types.SimpleNamespace(types="deb-src", release="trixie"), "bookworm")
        self.assertEqual(other["Types"], "deb-src")
        self.assertEqual(other["Suites"], "trixie trixie-updates")

    def test_another_publishers_key(self):
        self.assertTrue(apt_sources.by_debian({"Signed-By": "/usr/share/keyrings/debian-archive-keyring.gpg"}))
        self.assertTrue(apt_sources.by_debian({}))
        self.assertFalse(apt_sources.by_debian({"Signed-By": "/etc/apt/keyrings/other.gpg"}))


if __name__ == "__main__":
    unittest.main()
