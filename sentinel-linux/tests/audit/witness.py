"""A witness as C2SP tlog-witness and tlog-cosignature describe it, for one log and in memory.

    witness.py EXAMPLES KEY

KEY is the log's, in one word. It prints its port and its own key, and serves until it is killed.
"""

import base64
import hashlib
import http.server
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

import verify_journal as journal

LOG_NAME, LOG_KEY = journal.parse_key(sys.argv[2])
NAME = "witness.example/w1"


def compress(point):
    x, y, z, _ = point
    inverse = pow(z, journal.P - 2, journal.P)
    x, y = x * inverse % journal.P, y * inverse % journal.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


SECRET = hashlib.sha512(b"\x08" * 32).digest()
SCALAR = int.from_bytes(SECRET[:32], "little") & ((1 << 254) - 8) | 1 << 254
PUBLIC = compress(journal.multiply(SCALAR, journal.BASE))


def sign(message):
    """RFC 8032 section 5.1.6."""
    nonce = int.from_bytes(hashlib.sha512(SECRET[32:] + message).digest(), "little")
    commitment = compress(journal.multiply(nonce % journal.ORDER, journal.BASE))
    challenge = hashlib.sha512(commitment + PUBLIC + message).digest()
    scalar = (nonce + int.from_bytes(challenge, "little") * SCALAR) % journal.ORDER
    return commitment + scalar.to_bytes(32, "little")


def number(kind):
    return journal.sha(NAME.encode(), b"\n", bytes([kind]), PUBLIC)[:4]


class Witness(http.server.BaseHTTPRequestHandler):
    size, root = 0, None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, answer = self.decide(body) if self.path == "/add-checkpoint" else (404, "")
        self.send_response(status)
        if status == 409:
            self.send_header("Content-Type", "text/x.tlog.size")
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def decide(self, request):
        head, _, note = request.partition("\n\n")
        first, *path = head.split("\n")
        old = journal.decimal(first.removeprefix("old "))
        text, signatures = journal.parse_note(note)
        # Lines after the third are the log's own business.
        origin, size, root, *_ = text.split("\n")
        size, root = journal.decimal(size), journal.unbase64(root)
        if origin != LOG_NAME:
            return 404, "this log is not known here\n"
        lines = journal.signature_lines(signatures, LOG_NAME, b"\1", LOG_KEY)
        if not any(journal.is_signed(LOG_KEY, text.encode(), line) for line in lines):
            return 403, "not signed by the log\n"
        if old > size or len(path) > 63:
            return 400, "older than it is\n"
        if old != Witness.size or (old == size and root != Witness.root):
            return 409, f"{Witness.size}\n"
        path = [journal.unbase64(line) for line in path]
        if old == 0:
            is_grown = not path
        else:
            roots = journal.growth_roots(old, size, path, Witness.root)
            is_grown = roots == (Witness.root, root)
        if not is_grown:
            return 422, "it did not only grow\n"
        Witness.size, Witness.root = size, root
        time = 1_700_000_000 + size
        signature = sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        line = base64.b64encode(number(4) + time.to_bytes(8, "big") + signature).decode()
        # A line of a key that the client does not know comes along.
        return 200, f"— {NAME} {line}\n— other.example/w2 {base64.b64encode(bytes(80)).decode()}\n"

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Witness)
own = base64.b64encode(b"\4" + PUBLIC).decode()
print(server.server_port, f"{NAME}+{number(4).hex()}+{own}", flush=True)
server.serve_forever()
