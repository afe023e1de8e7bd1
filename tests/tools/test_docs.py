#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The documents name every key of a record and of the manifest, every flag and every key of a job."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def text_of(*patterns):
    return "".join(path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


class Documents(unittest.TestCase):
    def named(self, document, found, least, mark="{}"):
        text = (ROOT / document).read_text()
        missing = [word for word in sorted(set(found))
                   if not re.search(rf"(?<![\w-]){re.escape(mark.format(word))}(?![\w-])", text)]
        self.assertEqual(missing, [])
        self.assertGreater(len(set(found)), least)

    def test_keys_of_records(self):
        source = text_of("lib/grabrecord/*.c", "lib/dnsrecord/*.c", "lib/x509/*.c")
        self.named("docs/records.md", re.findall(r'json_\w+\(\w+, "(\w+)"', source), 100)
        self.named("docs/records.md", re.findall(r"\tFIELD\((\w+),", text_of("lib/record/fields.c")), 25, "`{}`")

    def test_members_of_the_manifest(self):
        source = text_of("app/scan/manifest*.c")
        found = re.findall(r'json_member_\w+\(\w+, "(\w+)"', source) + re.findall(r'\\n  \\"(\w+)\\":', source)
        self.named("docs/job.md", found, 40, "`{}`")

    def test_flags(self):
        shown = re.findall(r'^\t\{(?:\'.\'|0), "([\w-]+)".*?\},$', text_of("app/scan/flags.c"), re.M | re.S)
        self.named("docs/job.md", set(shown) - {"help", "dryrun"}, 35, "--{}")

    def test_keys_of_a_job(self):
        self.named("docs/job.md", re.findall(r'^\t\{"([\w.]+)", reader_', text_of("lib/job/schema.c"), re.M), 60, "`{}`")


if __name__ == "__main__":
    unittest.main()
