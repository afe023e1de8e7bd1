# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the scripts here share; they source it. Sets $root, the top of the tree.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian's own tools, before whatever else a machine has in its path, and the ones in sbin, which
# an ordinary user's path lacks.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

# Nothing compiled is left beside a script.
export PYTHONDONTWRITEBYTECODE=1

# What is worth keeping between clones.
# shellcheck disable=SC2034 # used by those who source this
cache_dir=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/asdic

say() {
	printf '%s: %s\n' "${0##*/}" "$*"
}

# die STATUS MESSAGE...: 2 is a bad argument, 3 a machine that lacks something, 1 anything else.
die() {
	local status=$1
	shift
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$status"
}

# Runs a command as the owner of the tree, so that root (sudo in a user's clone) leaves no
# root-owned file behind in it.
as_owner() {
	local uid gid home
	uid=$(stat -c %u "$root")
	if [ "$(id -u)" -ne 0 ] || [ "$uid" -eq 0 ]; then
		"$@"
		return
	fi
	gid=$(stat -c %g "$root")
	home=$(getent passwd "$uid" | cut -d: -f6) || home=
	setpriv --reuid "$uid" --regid "$gid" --clear-groups \
		env -u XDG_CACHE_HOME HOME="${home:-/nonexistent}" "$@"
}

# quietly WHAT COMMAND...: shows the command's output only if it fails.
quietly() {
	local what=$1 log status=0
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 || status=$?
	if [ "$status" -ne 0 ]; then
		cat "$log" >&2
		rm -f "$log"
		die 1 "$what failed; its output is above"
	fi
	rm -f "$log"
}
