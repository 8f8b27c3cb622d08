"""Keeps the documentation true: what it links to, names and quotes has to be there.

* README.md has at most 6,000 bytes.
* Every relative link of a Markdown file leads to a file of the repository, and every anchor to a heading of it.
* Every page of docs/ is linked from docs/README.md.
* Every `make TARGET` is a target of the Makefile.
* Every path in backticks that begins like one of the repository exists. After the comment `<!-- paths: FOLDER -->`, up
  to `<!-- paths -->`, paths are looked for below FOLDER too, and there every path has to exist.
* Every example of a whole ThroughputTest is a file of examples/, or a part of one: the tests run those.

Only Python's own library is needed. Exits 1 with one line for each mistake.
"""

import pathlib
import posixpath
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README_LIMIT_BYTES = 6000

FENCE = re.compile(r"^ *(```+|~~~+)\s*(\S*)")
CODE_SPAN = re.compile(r"(`+)(.+?)\1")
LINK = re.compile(r"\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+(\S+)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
PATHS = re.compile(r"<!-- paths(?:: (\S+))? -->")
MAKE = re.compile(r"\bmake((?: +[a-z0-9][a-z0-9-]*)+)")
PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*/?")
SOURCE_FILE = re.compile(r"[A-Za-z0-9_./-]+\.(?:rs|py|json|css)")


def repository_files():
    """What git knows or would add, so that nothing that is built counts."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in listed if name and (ROOT / name).is_file()}


def folders_of(files):
    folders = {"."}
    for name in files:
        folders.update(str(parent) for parent in pathlib.PurePosixPath(name).parents)
    return folders


def slug(heading):
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", text).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


class Page:
    """A Markdown file: its lines of prose, the code in them, its fenced blocks and its anchors."""

    def __init__(self, name, text):
        self.name = name
        self.prose = []  # (line number, text)
        self.blocks = []  # (line number of the fence, language, lines)
        self.anchors = set()
        self.read(text)

    def read(self, text):
        fence, counts = None, {}
        for number, line in enumerate(text.split("\n"), 1):
            found = FENCE.match(line)
            if fence:
                if found and found[1].startswith(fence[0]) and not found[2]:
                    fence = None
                else:
                    self.blocks[-1][2].append(line[fence[1]:] if not line[: fence[1]].strip() else line)
            elif found:
                fence = (found[1], len(line) - len(line.lstrip(" ")))
                self.blocks.append((number, found[2], []))
            else:
                self.prose.append((number, line))
                heading = HEADING.match(line)
                if heading:
                    anchor = slug(heading[1])
                    count = counts.get(anchor, 0)
                    counts[anchor] = count + 1
                    self.anchors.add(f"{anchor}-{count}" if count else anchor)

    def links(self):
        for number, line in self.prose:
            without_code = CODE_SPAN.sub("``", line)
            for target in LINK.findall(without_code) + DEFINITION.findall(without_code):
                yield number, target

    def code_spans(self):
        """Each with its line and the folder below which its paths are looked for too, if there is one."""
        base = None
        for number, line in self.prose:
            directive = PATHS.search(line)
            if directive:
                base = directive[1]
            for _, code in CODE_SPAN.findall(line):
                yield number, code.strip(), base

    def commands(self):
        for number, code, _ in self.code_spans():
            yield number, code
        for start, language, lines in self.blocks:
            if language in ("", "sh", "bash", "console"):
                for offset, line in enumerate(lines, 1):
                    yield start + offset, line.split("#")[0].removeprefix("$ ").strip()


class Check:
    def __init__(self):
        self.files = repository_files()
        self.folders = folders_of(self.files)
        self.top = {name.split("/")[0] for name in self.files if "/" in name}
        self.pages = {name: Page(name, self.text(name)) for name in sorted(self.files) if name.endswith(".md")}
        makefile = self.text("Makefile")
        self.targets = set(re.findall(r"^([a-z0-9-]+):(?!=)", makefile, re.MULTILINE))
        examples = [name for name in sorted(self.files) if re.fullmatch(r"examples/[^/]+\.yaml", name)]
        self.examples = [self.text(name).rstrip("\n").split("\n") for name in examples]
        self.mistakes = []
        self.checked = 0

    @staticmethod
    def text(name):
        return (ROOT / name).read_text(encoding="utf-8")

    def expect(self, holds, page, line, message):
        self.checked += 1
        if not holds:
            self.mistakes.append(f"{page}:{line}: {message}")

    def exists(self, path):
        path = posixpath.normpath(path)
        return path in self.files or path in self.folders

    def run(self):
        size = (ROOT / "README.md").stat().st_size
        message = f"{size} bytes, at most {README_LIMIT_BYTES} are wanted: move something to docs/"
        self.expect(size <= README_LIMIT_BYTES, "README.md", 1, message)
        for page in self.pages.values():
            self.links(page)
            self.commands(page)
            self.paths(page)
            self.quoted_examples(page)
        self.index()

    def links(self, page):
        for line, target in page.links():
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), path)) if path else page.name
            self.expect(self.exists(leads_to), page.name, line, f"the link {target} leads nowhere")
            if anchor and leads_to in self.pages:
                known = anchor in self.pages[leads_to].anchors
                self.expect(known, page.name, line, f"{leads_to} has no heading for the anchor #{anchor}")

    def commands(self, page):
        for line, command in page.commands():
            for words in MAKE.findall(command):
                for target in words.split():
                    self.expect(target in self.targets, page.name, line, f"the Makefile has no target {target}")

    def paths(self, page):
        beside = posixpath.dirname(page.name)
        for line, code, base in page.code_spans():
            first = code.split()[0]
            if not PATH.fullmatch(first):
                continue
            places = [first, posixpath.join(beside, first)]
            if base is not None:
                if "/" not in first and not SOURCE_FILE.fullmatch(first):
                    continue
                places.append(posixpath.join(base, first))
            elif "/" not in first or first.split("/")[0] not in self.top:
                continue
            self.expect(any(map(self.exists, places)), page.name, line, f"there is no {first} in the repository")

    def quoted_examples(self, page):
        for line, language, lines in page.blocks:
            if language not in ("yaml", "yml") or "kind: ThroughputTest" not in lines:
                continue
            is_quoted = any(
                example[at : at + len(lines)] == lines
                for example in self.examples
                for at in range(len(example) - len(lines) + 1)
            )
            message = "this ThroughputTest is no file of examples/ and no part of one: what no test reads grows wrong"
            self.expect(is_quoted, page.name, line, message)

    def index(self):
        index = self.pages["docs/README.md"]
        linked = {posixpath.normpath(posixpath.join("docs", target.split("#")[0])) for _, target in index.links()}
        for name in self.pages:
            if name.startswith("docs/") and name != index.name:
                self.expect(name in linked, index.name, 1, f"{name} is not linked from the index")


def main():
    check = Check()
    check.run()
    for mistake in check.mistakes:
        print(mistake, file=sys.stderr)
    if check.mistakes:
        print(f"mistakes in the documentation: {len(check.mistakes)}", file=sys.stderr)
        return 1
    print(f"{len(check.pages)} pages are true in {check.checked} places")
    return 0


if __name__ == "__main__":
    sys.exit(main())
