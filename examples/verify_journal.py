#!/usr/bin/env python3
"""Checks a Sentinel journal with nothing but Python's standard library.

A second reading of docs/AUDIT.md: it shares no line with the program that writes the log, so a log
that both call good is good by the page, not by one program's opinion of it.

    verify_journal.py [--key HEX] [--kept NOTE]... [--witness KEY]... FILE...
    verify_journal.py --proof [--log-key KEY] [--witness KEY]... [--kept NOTE] PROOF

FILE are the files of the log in order, HEX the pinned public key of the first epoch, NOTE files
with checkpoints that were kept elsewhere, which all witnesses that are named have to have cosigned.
Prints one line; ends with 0 for OK and OPEN TAIL, 1 for BAD, 2 for a call that makes no sense.

With --proof it reads no log, but what `sentinel audit prove` printed: PROVEN (0) if the hashes lead
to the checkpoint and everybody who is named signed it; NOT PROVEN (1), or UNSIGNED (2).
"""

import argparse
import base64
import hashlib
import sys

MAGIC = bytes.fromhex("d3534e544c310d0a")
HEAD, PREFIX, HASH = 37, 8, 32
BODY_MAX = HEAD + (16 << 20) + 16
OPENED, CHECKPOINT, LOG_KEY = 0xFF00, 0xFF01, 0xFF03
NOTE_MAX, SIGNATURES_MAX, ORIGIN_MAX = 64 << 10, 64, 255

# What Unicode calls White_Space, which is what no name holds; spelled out, for the functions of
# languages that sound alike differ in it. Of these the control characters are left out.
SPACES = {0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


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


def is_record(body):
    """Whether these bytes are a record of this version."""
    return len(body) >= HEAD and body[0] == 1 and body[1] <= 1 and body[4] <= 4


def is_key(data):
    point = decompress(data) if len(data) == 32 else None
    return point is not None and not equal(multiply(8, point), (0, 1, 1, 0))


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


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("another spelling")
    return data


def unbase64_hash(text):
    data = unbase64(text)
    if len(data) != HASH:
        raise ValueError("of another length")
    return data


def is_control(letter):
    return ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0


def is_name(text):
    """Whether a signer can be called that: one word without control characters and `+`."""
    return text != "" and not any(c == "+" or is_control(c) or ord(c) in SPACES for c in text)


def is_origin(text):
    """Whether a log can be called that."""
    return is_name(text) and len(text.encode()) <= ORIGIN_MAX


def parse_note(text):
    if len(text.encode()) > NOTE_MAX:
        raise ValueError("a note of more than 64 KiB")
    body, between, lines = text.rpartition("\n\n")
    if not between or any(is_control(c) and c != "\n" for c in body):
        raise ValueError("no note")
    signatures = []
    for line in lines.removesuffix("\n").split("\n"):
        mark, name, encoded = line.split(" ")
        signature = unbase64(encoded)
        if mark != "—" or not is_name(name) or len(signature) < 5:
            raise ValueError(line)
        signatures.append((name, signature))
    if not lines.endswith("\n") or len(signatures) > SIGNATURES_MAX:
        raise ValueError("signatures")
    return body + "\n", signatures


def parse_checkpoint(body):
    origin, size, root, epoch, key = body.removesuffix("\n").split("\n")
    checkpoint = {
        "origin": origin,
        "size": int(size),
        "root": unbase64_hash(root),
        "epoch": int(epoch.removeprefix("epoch ")),
        "next": unbase64_hash(key.removeprefix("next ")),
    }
    is_number = 0 <= checkpoint["size"] < 2**64 and 0 <= checkpoint["epoch"] < 2**64
    if write_checkpoint(checkpoint) != body or not is_number or not is_origin(origin):
        raise ValueError("another spelling")
    return checkpoint


def parse_key(text):
    """A name and a key in one word, as C2SP signed-note writes it: (name, key)."""
    name, mark, encoded = text.split("+", 2)
    key = unbase64(encoded)
    if not is_name(name) or len(key) != 33 or key[0] not in (1, 4) or sha(name.encode(), b"\n", key)[:4].hex() != mark:
        raise ValueError(f"{text}: no key of Ed25519, or not of that name")
    return name, key[1:]


def signature_lines(signatures, name, kind, key):
    mark = sha(name.encode(), b"\n", kind, key)[:4]
    return [line[4:] for signer, line in signatures if signer == name and line[:4] == mark]


def cosigned_at(body, signatures, witness):
    """When a witness cosigned a checkpoint (C2SP tlog-cosignature); None if it did not."""
    name, key = witness
    times = []
    for line in signature_lines(signatures, name, b"\4", key):
        time = int.from_bytes(line[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{body}".encode()
        if time < 2**63 and len(line) == 72 and is_signed(key, message, line[8:]):
            times.append(time)
    return max(times, default=None)


def write_checkpoint(c):
    root, key = base64.b64encode(c["root"]).decode(), base64.b64encode(c["next"]).decode()
    return f"{c['origin']}\n{c['size']}\n{root}\nepoch {c['epoch']}\nnext {key}\n"


class Verifier:
    def __init__(self, pinned, kept):
        self.pinned, self.kept = pinned, kept
        self.tree, self.file = Tree(), -1
        self.anchored = 0
        self.log_key = None

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
        try:
            found["origin"] = found["origin"].decode()
        except UnicodeDecodeError:
            raise Bad(record, SEGMENT) from None
        if not is_origin(found["origin"]):
            raise Bad(record, SEGMENT)
        if self.file < 0:
            self.log, self.key, self.origin = found["log"], found["key"], found["origin"]
            self.epoch = 0
            start = b"sentinel journal start v1\n"
            self.previous = sha(start, self.log, self.key, self.origin.encode())
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
        if not is_record(body):
            raise Bad(sequence, "it is no record of this version")
        if body[5:13] != self.log:
            raise Bad(sequence, SPLICED)
        if number(body, 2, 2) == CHECKPOINT:
            if body[1] or not self.checkpoint(body[HEAD:]):
                raise Bad(sequence, FORGED)
            self.anchored = sequence
        if number(body, 2, 2) == LOG_KEY:
            if body[1] or not is_key(body[HEAD:]):
                raise Bad(sequence, "it is no record of this version")
            self.log_key = body[HEAD:]
        self.previous = stored
        self.tree.push(stored)
        self.check_kept()

    def checkpoint(self, payload):
        try:
            body, signatures = parse_note(payload.decode())
            found = parse_checkpoint(body)
        except ValueError:
            return False
        name = self.origin
        expected = {
            "origin": name,
            "size": self.tree.size,
            "root": self.tree.root(),
            "epoch": self.epoch,
            "next": found["next"],
        }
        lines = signature_lines(signatures, name, b"\1", self.key)
        is_ours = any(is_signed(self.key, body.encode(), line) for line in lines)
        if found != expected or not is_ours:
            return False
        # The line of the key for others need not be there; one that is there has to be good.
        if self.log_key is not None:
            lines = signature_lines(signatures, name, b"\1", self.log_key)
            # Lines are told apart by four bytes, which another key may share.
            if lines and not any(is_signed(self.log_key, body.encode(), line) for line in lines):
                return False
        self.epoch, self.key = self.epoch + 1, found["next"]
        return True

    def check_kept(self):
        for kept in self.kept:
            is_here = kept["size"] == self.tree.size
            same = kept["root"] == self.tree.root() and kept["origin"] == self.origin
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


# Proofs, each checked by the recursive definition of RFC 9162 and not by its iterative algorithm.


def inclusion_root(leaf, index, size, path):
    """The root to which a path leads from a leaf (section 2.1.3.1, read backwards)."""
    if size == 1:
        return leaf if not path else None
    if not path:
        return None
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        left = inclusion_root(leaf, index, half, path[:-1])
        return left and sha(b"\1", left, path[-1])
    right = inclusion_root(leaf, index - half, size - half, path[:-1])
    return right and sha(b"\1", path[-1], right)


def growth_roots(old, size, path, earlier, is_whole=True):
    """The roots of then and of now that a path shows (section 2.1.4.1, read backwards)."""
    if old == size:
        if is_whole:
            return (earlier, earlier) if not path else None
        return (path[0], path[0]) if len(path) == 1 else None
    if not path:
        return None
    half = 1 << (size - 1).bit_length() - 1
    if old <= half:
        roots = growth_roots(old, half, path[:-1], earlier, is_whole)
        return roots and (roots[0], sha(b"\1", roots[1], path[-1]))
    roots = growth_roots(old - half, size - half, path[:-1], earlier, False)
    return roots and (sha(b"\1", path[-1], roots[0]), sha(b"\1", path[-1], roots[1]))


def decimal(text):
    if str(int(text)) != text or int(text) < 0:
        raise ValueError(text)
    return int(text)


def check_proof(text, log=None, witnesses=(), kept=None):
    """What a proof proves. `log` and `witnesses` are (name, key), `kept` is a checkpoint."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    body, signatures = parse_note(note)
    checkpoint = parse_checkpoint(body)
    size, root = checkpoint["size"], checkpoint["root"]
    is_kept = False
    if lines[0] == "c2sp.org/tlog-proof@v1":
        entry = unbase64(lines[1].removeprefix("extra "))
        index, path = decimal(lines[2].removeprefix("index ")), lines[3:]
        if lines[1][:6] != "extra " or lines[2][:6] != "index ":
            raise ValueError("no proof")
        path = [unbase64_hash(line) for line in path]
        is_proved = is_record(entry[32:]) and number(entry, 32 + 13, 8) == index and index < size
        is_proved = is_proved and inclusion_root(sha(b"\0", entry), index, size, path) == root
        claim = f"record {index} stands in the log"
    else:
        old = decimal(lines[0].removeprefix("old "))
        if lines[0][:4] != "old ":
            raise ValueError("no proof")
        path = [unbase64_hash(line) for line in lines[1:]]
        if old == 0:
            is_proved = not path
        elif kept is None or kept["size"] != old:
            raise ValueError("name the checkpoint from which it starts with --kept")
        else:
            roots = old <= size and growth_roots(old, size, path, kept["root"])
            is_proved = roots == (kept["root"], root)
        claim = f"the log begins with the {old} records of then"
    if kept is not None:
        if kept["origin"] != checkpoint["origin"]:
            raise ValueError("the kept checkpoint is of another log")
        if kept["size"] == size:
            is_proved = is_proved and kept["root"] == root
            is_kept = is_proved
        elif lines[0][:4] != "old " or kept["size"] != decimal(lines[0].removeprefix("old ")):
            raise ValueError("the proof has nothing to do with as many records as were kept")
    if not is_proved:
        return "NOT PROVEN"
    signed = []
    if log is not None:
        lines = signature_lines(signatures, log[0], b"\1", log[1])
        is_good = any(is_signed(log[1], body.encode(), line) for line in lines)
        signed.append(is_good and log[0] == checkpoint["origin"])
    signed += [cosigned_at(body, signatures, witness) is not None for witness in witnesses]
    # A witness cosigns many logs, so it does not say which one this is.
    is_named = log is not None or kept is not None
    if not all(signed) or not (signed or is_kept) or not is_named:
        return "UNSIGNED"
    return f"PROVEN: {claim}"


def read_kept(path, witnesses):
    with open(path, encoding="utf-8") as note:
        body, signatures = parse_note(note.read())
    for witness in witnesses:
        if cosigned_at(body, signatures, witness) is None:
            raise ValueError(f"{path}: the witness {witness[0]} did not cosign it")
    return parse_checkpoint(body)


def main():
    parser = argparse.ArgumentParser(description="Checks the files of a Sentinel journal.")
    parser.add_argument("--proof", action="store_true", help="the file is a proof, and no log")
    parser.add_argument("--log-key", type=parse_key, help="the log's key for others")
    parser.add_argument("--witness", type=parse_key, action="append", default=[], help="its key")
    parser.add_argument("--key", type=bytes.fromhex, help="the first epoch's public key, in hex")
    parser.add_argument("--kept", action="append", default=[], help="a checkpoint kept elsewhere")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    try:
        # Under a proof the witnesses signed the checkpoint that stands there.
        witnesses = [] if arguments.proof else arguments.witness
        kept = [read_kept(path, witnesses) for path in arguments.kept]
        if arguments.proof:
            with open(arguments.files[0], encoding="utf-8") as proof:
                said = proof.read()
            earlier = kept[0] if kept else None
            verdict = check_proof(said, arguments.log_key, arguments.witness, earlier)
            print(verdict)
            return {"PROVEN": 0, "NOT PROVEN": 1}.get(verdict.split(":")[0], 2)
        files = []
        for path in arguments.files:
            with open(path, "rb") as file:
                files.append(file.read())
    except (OSError, ValueError, IndexError) as error:
        print(f"verify_journal.py: {error}", file=sys.stderr)
        return 2
    verdict = verify(files, arguments.key, kept)
    print(verdict)
    return 1 if verdict.startswith("BAD") else 0


if __name__ == "__main__":
    sys.exit(main())
