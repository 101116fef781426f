"""RESTORE.md and restore.sh: how to put a source deposit together with git, tar and a shell, by hand or in one go."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from portability.escrow.sources.layout import Deposit, RepositoryRecord

__all__ = ["restore_md", "restore_sh"]

_HEAD = """\
#!/bin/sh
# Puts the deposit together in a new folder, with git and tar alone: sh data/restore.sh FOLDER
# Read it before you run it. It runs nothing of what it unpacks.
set -eu
data=$(CDPATH= cd "$(dirname "$0")" && pwd)
out=$1
mkdir "$out"
out=$(CDPATH= cd "$out" && pwd)
mkdir "$out/packages"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_LFS_SKIP_SMUDGE=1

# repository BUNDLE FOLDER COMMIT: every ref of the bundle, and the commit checked out
repository() {
    git -c init.defaultBranch=main init --quiet "$2"
    git -C "$2" -c protocol.file.allow=always fetch --quiet --update-head-ok "$data/$1" '+refs/*:refs/*'
    git -C "$2" -c core.hooksPath=/dev/null -c advice.detachedHead=false checkout --quiet --force "$3" --
}

# lfs FOLDER: every pointer of the checked-out tree replaced by its object, which also goes where git-lfs looks for it
lfs() {
    git -C "$1" ls-files -z | tr '\\0' '\\n' | while IFS= read -r file; do
        [ -f "$1/$file" ] && [ ! -L "$1/$file" ] || continue
        sha256=$(head -c 1024 "$1/$file" | LC_ALL=C sed -n 's/^oid sha256:\\([0-9a-f]\\{64\\}\\)$/\\1/p' | head -n 1)
        head -c 45 "$1/$file" | grep -q '^version https://git-lfs.github.com/spec/v1' || continue
        [ -n "$sha256" ] || continue
        part=$(printf %s "$sha256" | cut -c1-2)
        [ -f "$data/lfs/$part/$sha256" ] || { echo "absent LFS object: $1/$file" >&2; continue; }
        cp "$data/lfs/$part/$sha256" "$1/$file"
    done
}
"""


def restore_sh(deposit: Deposit) -> bytes:
    """Return the commands that put a deposit together."""
    lines = [_HEAD]
    for repository in deposit.repositories:
        if repository.role == "repository":
            lines += _repository(deposit, repository)
    for folder in deposit.folders:
        target = f'"$out"/{shlex.quote(folder.name)}'
        lines += [f"mkdir {target}", f'tar -xf "$data"/{folder.file} -C {target}']
    for packages in deposit.packages:
        if packages.file is not None:
            target = f'"$out"/{_packages_folder(packages.file)}'
            lines += [f"mkdir -p {target}", f'tar -xf "$data"/{packages.file} -C {target}']
    lines.append(f'echo "Restored. To build: cd $out/{deposit.build.origin} and see RESTORE.md"')
    return ("\n".join(lines) + "\n").encode()


def _packages_folder(file: str) -> str:
    return file.removesuffix(".tar")


def _repository(deposit: Deposit, repository: RepositoryRecord) -> Iterator[str]:
    build = deposit.build
    commit = build.commit if build.origin == repository.name and build.commit else repository.head
    yield f"\n# {repository.name}"
    yield f'repository {repository.file} "$out"/{shlex.quote(repository.name)} {shlex.quote(_short(commit))}'
    yield from _submodules(deposit, repository, f'"$out"/{shlex.quote(repository.name)}', depth=0)
    yield f'lfs "$out"/{shlex.quote(repository.name)}'


def _short(commit: str) -> str:
    return commit.removeprefix("refs/heads/")


def _submodules(deposit: Deposit, parent: RepositoryRecord, folder: str, *, depth: int) -> Iterator[str]:
    """Put a submodule where the checked-out tree names its commit; other commits of other refs are in the bundle."""
    if depth > 16:  # noqa: PLR2004 -- a submodule that holds itself
        return
    for link in parent.submodules:
        target = f"{folder}/{shlex.quote(link.path)}"
        yield f'if [ "$(git -C {folder} rev-parse -q --verify HEAD:{shlex.quote(link.path)})" = {link.commit} ]; then'
        repository = deposit.repository(link.repository)
        yield f"repository {repository.file} {target} {link.commit}"
        yield from _submodules(deposit, repository, target, depth=depth + 1)
        yield f"lfs {target}"
        yield "fi"


def restore_md(deposit: Deposit, pinned_at: str) -> bytes:
    """Return what a stranger reads first."""
    build = deposit.build
    packages = "".join(
        f"- `{each.name}`: {each.packages} packages in `data/{each.file}`"
        + (f", for {each.platform}" if each.platform else "")
        + "\n"
        if each.file
        else f"- `{each.name}`: {each.packages} packages, not in this deposit. {each.reason}\n"
        for each in deposit.packages
    )
    repositories = "".join(
        f"- `{each.name}` from {each.url}: {len(each.refs)} refs, {len(each.lfs)} LFS objects"
        f"{', a submodule' if each.role == 'submodule' else ''}\n"
        for each in deposit.repositories
    )
    return _TEXT.format(
        product=build.name,
        pinned_at=pinned_at,
        repositories=repositories or "- none\n",
        folders="".join(f"- `{each.name}` ({each.role}): {each.files} files\n" for each in deposit.folders)
        or "- none\n",
        packages=packages or "- none\n",
        by_hand=_by_hand(deposit),
        origin=build.origin,
        instructions=build.instructions,
        tools=", ".join(build.tools) or "a shell",
        environment="".join(f"export {name}={shlex.quote(value)}\n" for name, value in build.environment.items()),
        command=shlex.join(build.command),
        produces=", ".join(f"`{each}`" for each in build.produces),
        offline=_offline(deposit),
    ).encode()


def _by_hand(deposit: Deposit) -> str:
    lines = [
        f"git clone --mirror data/{each.file} {each.name}.git    # "
        + ("every branch, tag and note" if each.role == "repository" else "a submodule")
        for each in deposit.repositories
    ]
    if any(each.lfs for each in deposit.repositories):
        lines.append("# an LFS object lies at data/lfs/<aa>/<sha256>; git-lfs looks for it in the repository, at")
        lines.append("# lfs/objects/<aa>/<bb>/<sha256>; then, in a clone: git lfs checkout")
    if any(each.submodules for each in deposit.repositories):
        lines.append("# git -C CLONE config submodule.NAME.url /path/to/it.git; git -C CLONE submodule update --init")
    lines += [f"mkdir {each.name} && tar -xf data/{each.file} -C {each.name}" for each in deposit.folders]
    return "\n".join(lines)


def _offline(deposit: Deposit) -> str:
    told = []
    for each in deposit.packages:
        folder = f"$PORTABILITY_PACKAGES/{_packages_folder(each.file).partition('/')[2]}" if each.file else ""
        if each.kind == "pip" and each.file:
            told.append(f"pip install --no-index --find-links {folder} -r {each.path}")
        elif each.kind == "npm" and each.file:
            told.append(f"npm ci --offline --cache {folder}")
    return "\n".join(told) or "# nothing"


_TEXT = """\
# Restore {product}

Everything here was pinned at {pinned_at}. `data/completeness.html` says what is in this deposit and what is not.
Check it first, from the folder that holds this file: `sha256sum -c manifest-sha256.txt`.

## What is here

Repositories, each with every branch, tag and note:

{repositories}
Folders:

{folders}
Packages of lock files:

{packages}
## Put it together

Everything in one go, into a new folder (read the script first, it is short):

```
sh data/restore.sh restored
```

Or by hand, one by one:

```
{by_hand}
```

## Build it, without a network

It needs: {tools}. Instructions for people: `{origin}/{instructions}` once restored.

```
export PORTABILITY_PACKAGES=$PWD/restored/packages
export PORTABILITY_DEPOSIT=$PWD/restored
{environment}cd restored/{origin}
{command}
```

Afterwards there is: {produces}. Packages, where the build does not take them itself:

```
{offline}
```
"""
