#!/usr/bin/env python3
"""Checks a Sentinel journal with nothing but Python's standard library.

A second reading of docs/AUDIT.md: it shares no line with the program that writes the log, so a log
that both call good is good by the page, not by one program's opinion of it.

    verify_journal.py [--key HEX] [--kept NOTE]... FILE...

FILE are the files of the log in order, HEX the pinned public key of the first epoch, NOTE files with
checkpoints that were kept elsewhere. Prints one line; ends with 0 for OK and OPEN TAIL, 1 for BAD, 2
for a call that makes no sense.
"""

import argparse
import base64
import hashlib
import sys

MAGIC = bytes.fromhex("d3534e544c310d0a")
HEAD, PREFIX, HASH = 37, 8, 32
BODY_MAX = HEAD + (16 << 20) + 16
OPENED, CHECKPOINT = 0xFF00, 0xFF01


class Bad(Exception):
    def __init__(self, record, how):
        super().__init__(f"BAD at record {record}: {how}")


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def number(data, start, length):
    return int.from_bytes(data[start : start + length], "little")


# Ed25519 (RFC 8032 section 5.1.7), written to be read; slow, and used once for each checkpoint.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, g, h, f = f - e, h - g, h + g, f + e
    return (e * g % P, h * f % P, g * h % P, e * f % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def is_signed(key, message, signature):
    point, commitment = decompress(key), decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or scalar >= ORDER or len(signature) != 64:
        return False
    if equal(multiply(8, point), (0, 1, 1, 0)) or equal(multiply(8, commitment), (0, 1, 1, 0)):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little")
    return equal(multiply(scalar, BASE), add(commitment, multiply(challenge % ORDER, point)))


class Tree:
    """The roots of the full subtrees, largest first (RFC 9162 section 2.1)."""

    def __init__(self):
        self.size, self.roots = 0, []

    def push(self, leaf):
        size = self.size
        while size & 1:
            leaf, size = sha(b"\1", self.roots.pop(), leaf), size >> 1
        self.roots.append(leaf)
        self.size += 1

    def root(self):
        if not self.roots:
            return sha()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = sha(b"\1", left, root)
        return root


def parse_note(text):
    body, _, lines = text.rpartition("\n\n")
    signatures = []
    for line in lines.splitlines():
        mark, name, encoded = line.split(" ")
        if mark != "—":
            raise ValueError(line)
        signatures.append((name, base64.b64decode(encoded, validate=True)))
    if not lines.endswith("\n") or not signatures:
        raise ValueError("signatures")
    return body + "\n", signatures


def parse_checkpoint(body):
    origin, size, root, epoch, key = body.removesuffix("\n").split("\n")
    checkpoint = {
        "origin": origin,
        "size": int(size),
        "root": base64.b64decode(root, validate=True),
        "epoch": int(epoch.removeprefix("epoch ")),
        "next": base64.b64decode(key.removeprefix("next "), validate=True),
    }
    if write_checkpoint(checkpoint) != body:
        raise ValueError("another spelling")
    return checkpoint


def write_checkpoint(c):
    root, key = base64.b64encode(c["root"]).decode(), base64.b64encode(c["next"]).decode()
    return f"{c['origin']}\n{c['size']}\n{root}\nepoch {c['epoch']}\nnext {key}\n"


class Verifier:
    def __init__(self, pinned, kept):
        self.pinned, self.kept = pinned, kept
        self.tree, self.file = Tree(), -1
        self.anchored = 0

    def header(self, data):
        """Reads the header of the next file and gives its length; None if it is not all there."""
        record = self.tree.size
        if data[:8] != MAGIC[: len(data)]:
            raise Bad(record, SEGMENT)
        if len(data) < 12:
            return None
        end = 12 + number(data, 8, 4)
        if not 93 <= end - 12 <= 93 + 255 + 64 * 32:
            raise Bad(record, SEGMENT)
        if len(data) < end + HASH:
            return None
        if sha(b"sentinel journal segment v1\n", data[:end]) != data[end : end + HASH]:
            raise Bad(record, SEGMENT)
        length = data[104]
        found = {
            "log": data[12:20],
            "file": number(data, 20, 4),
            "next": number(data, 24, 8),
            "previous": data[32:64],
            "epoch": number(data, 64, 8),
            "key": data[72:104],
            "origin": data[105 : 105 + length],
            "tree": data[105 + length : end],
        }
        if self.file < 0:
            self.log, self.key, self.origin = found["log"], found["key"], found["origin"]
            self.epoch = 0
            start = b"sentinel journal start v1\n"
            self.previous = sha(start, self.log, self.key, self.origin)
        self.file += 1
        expected = {
            "log": self.log,
            "file": self.file,
            "next": record,
            "previous": self.previous,
            "epoch": self.epoch,
            "key": self.key,
            "origin": self.origin,
            "tree": b"".join(self.tree.roots),
        }
        is_pinned = self.file > 0 or self.pinned in (None, self.key)
        if found != expected or not is_pinned:
            raise Bad(record, SEGMENT)
        return end + HASH

    def read(self, data, is_last):
        """Checks a file and gives how many bytes at its end are no record."""
        at = self.header(data)
        if at is None:
            if not is_last:
                raise Bad(self.tree.size, SEGMENT)
            return len(data)
        self.check_kept()
        while True:
            frame = split(data, at)
            if frame == "partial":
                if at < len(data) and not is_last:
                    raise Bad(self.tree.size, FLIPPED)
                return len(data) - at
            if frame == "broken":
                if any(data[at:]) or not is_last:
                    raise Bad(self.tree.size, FLIPPED)
                return len(data) - at
            body, stored, end = frame
            is_next = number(body, 13, 8) == self.tree.size
            if sha(b"\0", self.previous, body) != stored or not is_next:
                raise Bad(self.tree.size, self.diagnose(body, stored, split(data, end)))
            self.record(body, stored)
            at = end

    def record(self, body, stored):
        sequence = self.tree.size
        if body[0] != 1 or body[1] > 1 or body[4] > 4:
            raise Bad(sequence, "it is no record of this version")
        if body[5:13] != self.log:
            raise Bad(sequence, SPLICED)
        if number(body, 2, 2) == CHECKPOINT:
            if body[1] or not self.checkpoint(body[HEAD:]):
                raise Bad(sequence, FORGED)
            self.anchored = sequence
        self.previous = stored
        self.tree.push(stored)
        self.check_kept()

    def checkpoint(self, payload):
        try:
            body, signatures = parse_note(payload.decode())
            found = parse_checkpoint(body)
        except ValueError:
            return False
        name = self.origin.decode()
        expected = {
            "origin": name,
            "size": self.tree.size,
            "root": self.tree.root(),
            "epoch": self.epoch,
            "next": found["next"],
        }
        mark = sha(self.origin, b"\n\1", self.key)[:4]
        is_ours = any(
            signer == name and line[:4] == mark and is_signed(self.key, body.encode(), line[4:])
            for signer, line in signatures
        )
        if found != expected or not is_ours:
            return False
        self.epoch, self.key = self.epoch + 1, found["next"]
        return True

    def check_kept(self):
        for kept in self.kept:
            is_here = kept["size"] == self.tree.size
            same = kept["root"] == self.tree.root() and kept["origin"] == self.origin.decode()
            if is_here and not same:
                raise Bad(max(self.tree.size - 1, 0), FORGED)

    def diagnose(self, body, stored, following):
        """Says what happened to the record that should stand where `body` does."""
        expected = self.tree.size
        found, is_ours = number(body, 13, 8), body[5:13] == self.log
        mended = body[:5] + self.log + expected.to_bytes(8, "little") + body[21:]
        alone = FLIPPED
        if sha(b"\0", self.previous, mended) == stored:
            pass
        elif not is_ours:
            alone = SPLICED
        elif found > expected:
            count = found - expected
            alone = "it is missing" if count == 1 else f"it and {count - 1} more are missing"
        elif found < expected:
            alone = REPEATED
        if isinstance(following, str):
            return alone
        after, after_stored, _ = following
        after_sequence, after_ours = number(after, 13, 8), after[5:13] == self.log
        if sha(b"\0", stored, after) == after_stored and after_ours:
            if after_sequence == expected + 1:
                return FLIPPED
        follows_last = sha(b"\0", self.previous, after) == after_stored
        if follows_last and after_sequence == expected:
            if not is_ours or found == expected:
                return SPLICED
            return REORDERED if found > expected else REPEATED
        if is_ours and found > expected and after_sequence == expected:
            return REORDERED
        return alone

    def finish(self, torn):
        size = self.tree.size
        if any(kept["size"] > size for kept in self.kept):
            raise Bad(size, "the log ends here, but a kept checkpoint vouches for more")
        tail = size - self.anchored
        if tail <= 1 and self.anchored and not torn:
            return "OK"
        text = f"OPEN TAIL: {tail} records since the last checkpoint"
        if torn:
            text += f", and {torn} bytes of a record that was not written to its end"
        return text


def split(data, at):
    """The frame at a place: (body, stored hash, end), or why there is none."""
    if len(data) < at + PREFIX:
        return "partial"
    length, inverted = number(data, at, 4), number(data, at + 4, 4)
    if length ^ inverted != 0xFFFFFFFF or not HEAD <= length <= BODY_MAX:
        return "broken"
    start, end = at + PREFIX, at + PREFIX + length
    if len(data) < end + HASH:
        return "partial"
    return data[start:end], data[end : end + HASH], end + HASH


FLIPPED = "its bytes were changed"
REPEATED = "an earlier record stands here again"
REORDERED = "it stands after a later one"
SPLICED = "a record that is not of this log stands here"
SEGMENT = "the file that should go on here is missing, damaged or exchanged"
FORGED = (
    "what is signed does not fit: the records since the checkpoint before it, or the checkpoint, "
    "were rewritten"
)


def verify(files, pinned=None, kept=()):
    verifier, torn = Verifier(pinned, kept), 0
    try:
        for index, data in enumerate(files):
            torn = verifier.read(data, index == len(files) - 1)
        return verifier.finish(torn)
    except Bad as bad:
        return str(bad)


def main():
    parser = argparse.ArgumentParser(description="Checks the files of a Sentinel journal.")
    parser.add_argument("--key", type=bytes.fromhex, help="the first epoch's public key, in hex")
    parser.add_argument("--kept", action="append", default=[], help="a checkpoint kept elsewhere")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    try:
        kept = []
        for path in arguments.kept:
            with open(path, encoding="utf-8") as note:
                kept.append(parse_checkpoint(parse_note(note.read())[0]))
        files = []
        for path in arguments.files:
            with open(path, "rb") as file:
                files.append(file.read())
    except (OSError, ValueError) as error:
        print(f"verify_journal.py: {error}", file=sys.stderr)
        return 2
    verdict = verify(files, arguments.key, kept)
    print(verdict)
    return 1 if verdict.startswith("BAD") else 0


if __name__ == "__main__":
    sys.exit(main())
