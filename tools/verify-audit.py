#!/usr/bin/env python3
"""Verifies a Firebreak audit log without Firebreak: written from docs/audit-format.md, standard library only.

    verify-audit.py EXPORT [--keys FILE] [--anchor FILE] [--witness FILE --witness-key KEY]
    verify-audit.py --data DIR --keys FILE ...   the records of a journal, DIR/journal.sqlite
    verify-audit.py --batch FILE                 many in one process: a JSON object of these options on each line
Says one JSON object for each. Exit code 0 when all are intact, 1 otherwise."""
import argparse, base64, functools, hashlib, json, pathlib, re, sqlite3, types
MAX_SAFE, MAX_DEPTH, MAX_NOTE, MAX_SIGNATURES = 2**53 - 1, 64, 256 * 1024, 64
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
def sha(data): return hashlib.sha256(data).digest()
# Ed25519 (RFC 8032 section 5.1), verification only, in extended coordinates.
def plus(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P
def times(number, point, total=(0, 1, 1, 0)):
    while number:
        total, point, number = plus(total, point) if number & 1 else total, plus(point, point), number >> 1
    return total
def unpack(raw):
    sign, y = raw[31] >> 7, int.from_bytes(raw, "little") & (1 << 255) - 1
    x = pow(square := (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P) if y < P and x * x % P == square and (x or not sign) else None
BASE = unpack((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

@functools.lru_cache(maxsize=100_000)
def signed_by(public, message, signature):
    a, s = unpack(public), int.from_bytes(signature[32:], "little")
    if a is None or len(signature) != 64 or s >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    *point, z, _ = plus(times(s, BASE), times(challenge, (P - a[0], a[1], 1, P - a[3])))
    x, y = (number * pow(z, P - 2, P) % P for number in point)
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]
# Canonical JSON (RFC 8785), of what a record may hold.
def well_formed(text): return text.isascii() or re.search("[\ud800-\udfff]", text) is None
def utf16(text): return text.encode("utf-16-be", "surrogatepass")
def count(value, least=0): return type(value) is int and least <= value <= MAX_SAFE
def is_hash(value): return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
def number(text):
    value = int(text) if re.fullmatch(r"-?\d{1,20}", text) else float(text)
    return int(value) if abs(value) <= MAX_SAFE and value == int(value) else value
def storable(value, depth=0):  # Only what a record may hold, and the members of each object in order.
    if isinstance(value, dict) and depth <= MAX_DEPTH:
        ordered = list(value) == sorted(value, key=utf16)
        return ordered and all(well_formed(key) and storable(value[key], depth + 1) for key in value)
    if isinstance(value, list) and depth <= MAX_DEPTH:
        return all(storable(item, depth + 1) for item in value)
    plain = value is None or isinstance(value, bool) or count(value, -MAX_SAFE)
    return depth <= MAX_DEPTH and (well_formed(value) if isinstance(value, str) else plain)
def parse(data):  # (value, whether it stands there in canonical form); (None, False) when it is no JSON in UTF-8.
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=lambda name: int(name))
    except (ValueError, RecursionError):
        return None, False
    return value, storable(value) and json.dumps(value, ensure_ascii=False, separators=(",", ":")) == text
def archived_in(data):  # [(stream, number of its records, leaf hash of the last)] that a signed record calls archived.
    record = parse(data)[0]
    rows = record["data"]["streams"] if (record["type"], record["v"]) == ("journal.archived", 1) else []
    return [(row["stream"], row["records"], bytes.fromhex(row["leaf"])) for row in rows]
def name_in(value):
    named = isinstance(value, dict) and isinstance(value.get("stream"), str) and value["stream"] != ""
    return (value["stream"], value["seq"]) if named and count(value.get("seq"), 1) else None
# Signed notes, checkpoints and cosignatures (C2SP).
def unbase64(text):
    shape = re.fullmatch("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text)
    raw = base64.b64decode(text) if shape else b""
    return raw if base64.b64encode(raw).decode() == text else b""
def key_name(name): return re.fullmatch("[^\\s+\x00-\x1f\x85\ufeff\ud800-\udfff]+", name) is not None
def verifier_key(line, kind, sizes=(0, None)):
    """(name, key id, public key, smallest and largest size that it may sign) of `name+id+base64(kind, key)`."""
    name, key_id, encoded = (line.strip().split("+", 2) + ["", ""])[:3]
    raw = unbase64(encoded)
    if len(raw) != 33 or raw[0] != kind or not key_name(name) or sha(name.encode() + b"\n" + raw)[:4].hex() != key_id:
        raise SystemExit("a key cannot be read: " + line)
    return name, key_id, raw[1:], sizes[0], MAX_SAFE if sizes[1] is None else sizes[1]
def parse_note(note):  # (text, signatures, (origin, size, root)) of a signed checkpoint, or None.
    gap = note.rfind("\n\n")
    if gap < 0 or len(note) > MAX_NOTE or not well_formed(note) or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        return None
    lines, signatures = note[gap + 2:-1].split("\n"), []
    for dash, name, encoded in (line.split(" ") if line.count(" ") == 2 else ("", "", "") for line in lines):
        raw = unbase64(encoded)
        signatures.append((name, raw[:4].hex(), raw[4:]))
        if dash != "\u2014" or len(raw) <= 4 or not key_name(name):
            return None
    origin, size, root, *extensions = note[:gap].split("\n") + [""] * max(0, 2 - note[:gap].count("\n"))
    fits = origin != "" and re.fullmatch("0|[1-9][0-9]{0,15}", size) and len(unbase64(root)) == 32
    if not fits or int(size) > MAX_SAFE or "" in extensions or len(lines) > MAX_SIGNATURES or note[-1] != "\n":
        return None
    return note[:gap + 1], signatures, (origin, int(size), unbase64(root))
def judge(note, keys):  # valid, invalid or unknown, and who signed; a key counts only for the origin it is named after.
    tried = [(key, signed_by(key[2], note[0].encode(), signature)) for name, key_id, signature in note[1]
             for key in keys if key[:2] == (name, key_id) and name == note[2][0]]
    good = [key for key, right in tried if right]
    return "invalid" if len(good) < len(tried) else "valid" if good else "unknown", good
def cosigned(note, key):  # Whether the witness's cosignature/v1 is on the checkpoint, whoever signed it for the log.
    return any((name, key_id) == key[:2] and len(raw) == 72 and signed_by(key[2], b"cosignature/v1\ntime %d\n%s" % (
        int.from_bytes(raw[:8], "big"), note[0].encode()), raw[8:]) for name, key_id, raw in note[1])
# A finding is (rank, verdict, position, name); the lowest rank is the first record that does not fit.
STRAY, DISORDER = ((2,), "changed", None), ((3,), "changed", None)
def first_of(findings): return min(findings, key=lambda finding: finding[0], default=None)
def by_name(name, verdict="changed"): return (1, utf16(name[0]), name[1]), verdict, None, name
def at_position(position, name=None, verdict="changed"): return (0, position), verdict, position, name
class Index:
    """What the log says must be there: an entry for each leaf, then one for each record without a place."""
    held = other = None  # Of an archive: the streams that it holds; whether a file is not the one in its manifest.
    def __init__(self, leaves, unsequenced):
        self.entries, self.number, self.findings, self.broken = [], {}, [], None
        for name, position, leaf in leaves:
            here, again = len(self.entries), name in self.number
            wrong = name is None or (self.broken is None and position != here)
            self.findings += [at_position(here)] * wrong + [at_position(here, name)] * again
            self.broken = here if self.broken is None and (wrong or again) else self.broken
            self.add(name, position, leaf)
        self.size = len(self.entries)
        for name, _, leaf in unsequenced:
            self.findings += [STRAY + (name,)] * (name is None or name in self.number)
            self.add(name, None, leaf)
    def add(self, name, position, leaf):
        if name is not None and name not in self.number:
            self.number[name] = len(self.entries)
            self.entries.append((name, position, leaf))
    def roots(self, sizes):  # As far as every leaf stood in its place.
        roots, stack = {0: sha(b"")}, []
        for size, (_, _, node) in enumerate(self.entries[:self.size if self.broken is None else self.broken], 1):
            for _ in range((size & -size).bit_length() - 1):
                node = sha(b"\1" + stack.pop() + node)
            stack.append(node)
            if size in sizes:
                roots[size] = functools.reduce(lambda right, left: sha(b"\1" + left + right), reversed(stack))
        return roots
    def name_at(self, position):
        claimed = next((name for name, claim, _ in self.entries[:self.size] if claim == position), None)
        return claimed or (self.entries[position][0] if position < self.size else None)
def examine(data, columns, stored_hash):  # (name, prev, at, whether it is right by itself) of one record.
    value, right = parse(data)
    member, inside = value if isinstance(value, dict) else {}, name_in(value)
    right = right and inside is not None and columns in (None, inside) and is_hash(member.get("prev"))
    right = right and isinstance(member.get("type"), str) and member["type"] != "" and count(member.get("v"), -MAX_SAFE)
    right = right and count(member.get("at"), -MAX_SAFE) and isinstance(member.get("data"), dict)
    return columns or inside, member.get("prev"), member.get("at"), right and stored_hash in (None, sha(data))
def scan(log, records, covered):
    """Findings about records (bytes against leaves, links within streams, missing, extra, misplaced), and the extra."""
    status, findings, strays, chains, limit, misplaced, claims = {}, [], [], {}, None, None, []
    def blame(entry, verdict="changed"):
        name, position, _ = log.entries[entry]
        findings.append(by_name(name, verdict) if position is None else at_position(position, name, verdict))
    def settle(stream, chain):
        if chain.broken and (stream, chain.seq - 1) in log.number:
            blame(log.number[stream, chain.seq - 1])
        chain.broken = False
    for data, columns, stored_hash in records:
        name, prev, at, right = examine(data, columns, stored_hash)
        entry, before = log.number.get(name), status.get(log.number.get(name))
        strays += [name if before != "other" else None] * (entry is None or before is not None)
        if name is None:
            continue
        fresh = types.SimpleNamespace(seq=0, hash="0" * 64, at=-MAX_SAFE, fits=True, broken=False, gap=None)
        chain, fits = chains.setdefault(name[0], fresh), False
        moves = name[1] == chain.seq + 1
        if entry is not None:
            fits = sha(b"\0" + data) == log.entries[entry][2]
            if before == "found" or (before == "other" and not fits):
                continue
            status[entry] = "found" if fits else "other"
            if fits and not right:
                blame(entry)
            place = utf16(name[0]), name[1]
            misplaced = (place, name) if limit and place < (misplaced or limit)[0] else misplaced
            limit, fits, moves = (place, name), fits and right, name[1] > chain.seq
            claims += archived_in(data) if fits and entry < covered and name[0] == "config" else []
            if name[1] > chain.seq + 1 and (name[0], chain.seq + 1) not in log.number:
                chain.gap = chain.gap or chain.seq + 1
            linked, follows = fits and chain.fits and name[1] == chain.seq + 1, prev == chain.hash
            if follows or not linked:
                settle(name[0], chain)
            chain.broken = linked and not follows and chain.seq > 0
            if linked and (at < chain.at if follows else chain.seq == 0):
                blame(entry)
        if moves:
            chain.seq, chain.hash, chain.at, chain.fits = name[1], sha(data).hex(), at, fits
    for stream, chain in chains.items():
        settle(stream, chain)
        findings += [by_name((stream, chain.gap))] if chain.gap else []
    for stream, size, leaf in claims:
        own = [log.number.get((stream, seq)) for seq in range(1, size + 1)]
        if None not in own and log.entries[own[-1]][2] == leaf and not status.keys() & set(own):
            status.update(dict.fromkeys(own, "found"))
    if log.held is not None:
        status = {at: "found" for at, (name, _, _) in enumerate(log.entries) if name[0] not in log.held} | status
    unmatched = [entry for entry in range(len(log.entries)) if status.get(entry) != "found"]
    if unmatched:
        cut = len(unmatched) == len(log.entries) - unmatched[0] and not status.keys() & set(unmatched)
        blame(unmatched[0], "truncated" if cut and not strays and not findings else "changed")
    findings += [STRAY + (name,) for name in strays[:1]]
    return findings + ([DISORDER + (misplaced[1],)] if misplaced else []), strays
def verify(log, records, notes, keys, anchors, trusted):
    """(verdict, name, position, leaves that checkpoints cover, leaves that checkpoints from elsewhere cover)."""
    parsed = [(parse_note(note), number < len(anchors)) for number, note in enumerate(anchors + notes)]
    roots = log.roots({note[2][1] for note, _ in parsed if note} | {size for _, size, _ in trusted})
    invalid, unknown, elsewhere, covered, anchored, last, extra, mismatches = None, (0, 0), [], 0, 0, -1, [], []
    def matches(size, root, start):
        if roots.get(size) != root:
            where, verdict = (log.size, "truncated") if size > log.size else (start, "changed")
            mismatches.append(at_position(where, None, verdict) + (start, size))
        return roots.get(size) == root
    for note, is_anchor in parsed:
        status, signers, size = (*judge(note, keys), note[2][1]) if note else ("invalid", [], 0)
        if status == "unknown":
            unknown = (covered, size) if size > unknown[1] else unknown
        elif status == "invalid" or not any(key[3] <= size <= key[4] for key in signers):
            invalid = covered if invalid is None else invalid
        elif is_anchor:
            elsewhere.append(note[2])
        elif size <= last:
            extra = [DISORDER + (None,)]
        else:
            last, covered = size, size if matches(size, note[2][2], covered) else covered
    findings, strays = scan(log, records, covered)
    known = first_of(findings + log.findings)
    for _, size, root in sorted(elsewhere + trusted, key=lambda checkpoint: checkpoint[1]):
        anchored = size if matches(size, root, max(anchored, covered if covered < size else 0)) else anchored
    worst, covered = first_of(mismatches), max(covered, anchored)
    explained = worst and known and known[2] is not None and worst[4] <= known[2] < worst[5]
    first = first_of([known] * (known is not None) + [worst] * (worst is not None and not explained) + extra)
    if first:
        verdict, position, name = first[1:4]
        name = name or (len(strays) == 1 and strays[0]) or (None if position is None else log.name_at(position))
        position = log.entries[log.number[name]][1] if position is None and name in log.number else position
        return verdict, name, position, covered, anchored
    if invalid is not None or unknown[1] > covered:
        position, verdict = (unknown[0], "key_unknown") if invalid is None else (invalid, "signature_invalid")
        name = log.name_at(position)
        return verdict, name, position if name else None, covered, anchored
    return "intact" if covered else "not_anchored", None, None, covered, anchored
# Where a log comes from: (index, records, notes).
def read(*path): return pathlib.Path(*path).read_bytes()
def notes_in(file):
    return [note.rstrip() + "\n" for note in re.split(r"\n\n(?=firebreak/)", read(file).decode()) if note.strip()]
def from_export(directory):
    def lines(file):
        return (data := read(directory, file).split(b"\n"))[:len(data) - (data[-1] == b"")]
    def rows(file, least):
        for row, right in map(parse, lines(file)):
            right = right and name_in(row) and is_hash(row.get("leafHash")) and count(row.get("position", least))
            yield (name_in(row), row.get("position"), bytes.fromhex(row["leafHash"])) if right else (None, None, None)
    def note(row, right):
        text = row.get("note") if right and isinstance(row, dict) else None
        return text if isinstance(text, str) and text.split("\n")[1:2] == [str(row.get("size"))] else ""
    log, notes = Index(rows("leaves.ndjson", -1), rows("unsequenced.ndjson", 0)), lines("checkpoints.ndjson")
    archive = json.loads(read(directory, "manifest.json")).get("archive")
    log.held = archive and {json.loads(line)["stream"] for line in lines("streams.ndjson")}
    log.other = archive and any(sha(read(directory, file)).hex() != want for file, want in archive["files"].items())
    return log, ((line, None, None) for line in lines("records.ndjson")), [note(*parse(line)) for line in notes]
def from_journal(directory):
    store = sqlite3.connect(pathlib.Path(directory, "journal.sqlite"))
    store.text_factory = lambda raw: raw.decode("utf-8", "replace")
    every = "select s.name, r.seq, cast(r.bytes as blob), r.hash from records r join streams s on s.no = r.stream"
    waiting = " where r.no > cast(coalesce((select value from meta where key = 'placed'), 0) as integer) order by r.no"
    leaves = """select coalesce(s.name, ''), l.seq, l.position, l.hash from leaves l
                left join streams s on s.no = l.stream order by l.position"""
    log = Index((((name, seq), place, leaf) for name, seq, place, leaf in store.execute(leaves)),
                (((name, seq), None, sha(b"\0" + data)) for name, seq, data, _ in store.execute(every + waiting)))
    rows = sorted(store.execute(every), key=lambda row: (utf16(row[0]), row[1]))
    notes = [note for note, in store.execute("select note from checkpoints order by size")]
    store.close()
    return log, ((data, (name, seq), stored) for name, seq, data, stored in rows), notes
def answer(export=None, data=None, keys=None, anchor=None, witness=None, witness_key=None):
    log, records, notes = from_journal(data) if data else from_export(export)
    stored = json.loads(read(keys) if keys else read(export, "keys.json"))["keys"]
    known = [verifier_key(key["verifierKey"], 1, (key["fromSize"], key["toSize"])) for key in stored]
    key, seen = witness and verifier_key(witness_key, 4), map(parse_note, notes_in(witness) if witness else [])
    trusted = [note[2] for note in seen if note and cosigned(note, key)]
    if witness and (not trusted or {origin for origin, _, _ in trusted} - {key[0] for key in known}):
        raise SystemExit("the witness did not cosign a checkpoint of this log")
    elsewhere = notes_in(anchor) if anchor else []
    verdict, name, position, covered, anchored = verify(log, records, notes, known, elsewhere, trusted)
    bad = dict(zip(("stream", "seq"), name or (None, None)), position=position)
    verdict = "changed" if verdict == "intact" and log.other else verdict
    return {"verdict": verdict, "firstBad": bad if any(value is not None for value in bad.values()) else None,
            "coveredSize": covered, "anchoredSize": anchored}
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Verifies a Firebreak audit log without Firebreak.")
    parser.add_argument("export", nargs="?")
    for option in ("data", "keys", "anchor", "witness", "witness-key", "batch"):
        parser.add_argument("--" + option)
    given = vars(parser.parse_args())
    batch, answers = given.pop("batch"), []
    for task in map(json.loads, read(batch).splitlines()) if batch else [given]:
        answers.append(answer(**task))
        print(json.dumps(answers[-1]), flush=True)
    raise SystemExit(any(each["verdict"] != "intact" for each in answers))
