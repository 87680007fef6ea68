import { origin } from './checkpoint.ts';
import type { ExportManifest } from './export.ts';

/** Standard-library Python, so that the check needs nothing of ours. `export-files.test.ts` runs it. */
const SCRIPT = `import base64, hashlib, json, os, sys

def sha(data):
    return hashlib.sha256(data).digest()

def root(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha(b"")
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha(b"\\x01" + root(hashes[:split]) + root(hashes[split:]))

def lines(name):
    with open(name, "rb") as file:
        return [line.rstrip(b"\\n") for line in file]

records, ends, archived = {}, {}, {}
own = set()
if os.path.exists("streams.ndjson"):
    own = {json.loads(data)["stream"] for data in lines("streams.ndjson")}
for data in lines("records.ndjson"):
    record = json.loads(data)
    name = (record["stream"], record["seq"])
    seq, prev, at = ends.get(name[0], (0, "0" * 64, record["at"]))
    if (record["seq"], record["prev"]) != (seq + 1, prev) or record["at"] < at:
        sys.exit("record %s #%d does not follow the one before it" % name)
    ends[name[0]] = (record["seq"], sha(data).hex(), record["at"])
    records[name] = data
    if (record["stream"], record["type"]) == ("config", "journal.archived"):
        archived.update((each["stream"], each) for each in record["data"]["streams"])

hashes = []
for data in lines("leaves.ndjson"):
    leaf = json.loads(data)
    name = (leaf["stream"], leaf["seq"])
    if leaf["position"] != len(hashes):
        sys.exit("the leaf at position %d is missing" % len(hashes))
    if name[0] not in ends and (name[0] in archived or (own and name[0] not in own)):
        last = archived.get(name[0], {"records": 0})
        if name[1] == last["records"] and leaf["leafHash"] != last["leaf"]:
            sys.exit("%s is not the stream that was archived" % name[0])
        hashes.append(bytes.fromhex(leaf["leafHash"]))
        continue
    if name not in records or sha(b"\\x00" + records.pop(name)).hex() != leaf["leafHash"]:
        sys.exit("record %s #%d is missing or was changed" % name)
    hashes.append(bytes.fromhex(leaf["leafHash"]))

for data in lines("unsequenced.ndjson"):
    row = json.loads(data)
    if records.pop((row["stream"], row["seq"]), None) is None:
        sys.exit("record %s #%d is missing" % (row["stream"], row["seq"]))
if records:
    sys.exit("record %s #%d is not in the log" % min(records))

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    text, _, signatures = file.read().rpartition("\\n\\n")
name, size, expected = text.split("\\n")[:3]
if int(size) > len(hashes):
    sys.exit("the log ends at %d, the checkpoint is for %s" % (len(hashes), size))
if root(hashes[:int(size)]) != base64.b64decode(expected):
    sys.exit("the log is not the one that this checkpoint was signed for")
with open("checkpoint.text", "w", encoding="utf-8", newline="") as file:
    file.write(text + "\\n")
line = next(line for line in signatures.split("\\n") if line.startswith("\\u2014 " + name + " "))
with open("checkpoint.signature", "wb") as file:
    file.write(base64.b64decode(line.split(" ")[2])[4:])
waiting = len(hashes) + len(lines("unsequenced.ndjson")) - int(size)
print("%s: %s records fit the checkpoint; %d are not covered by it" % (name, size, waiting))
`;

/** The text of VERIFY.md: how to check the export with a Python interpreter and OpenSSL only. */
export function verifyGuide(manifest: ExportManifest): string {
  const name = origin(manifest.journalId, manifest);
  const accelerated = manifest.accelerated
    ? '\n**The business time of this log was accelerated. It records a drill or a demonstration, not real events.**\n'
    : '';
  return `# How to check this export

The log is \`${name}\`, exported at ${new Date(manifest.exportedAt).toISOString()}.
${accelerated}
| File | Content |
|---|---|
| \`records.ndjson\` | the records, one on a line, exactly as they were hashed, by stream and number |
| \`leaves.ndjson\` | the place of each record in the Merkle log and its leaf hash |
| \`objects.ndjson\` | plans and code that the records name by hash, for \`firebreak replay --export\` |
| \`unsequenced.ndjson\` | records that had no place yet when the export was made |
| \`checkpoints.ndjson\` | all signed checkpoints, oldest first; \`checkpoint\` is the newest, as it was signed |
| \`keys.json\` | the public keys, each with the sizes of the log that it may sign |

With Firebreak: \`firebreak audit verify <this directory>\`. It names the first record that does not fit.

## Without Firebreak

Save the script as \`verify.py\` (best from the documentation, not from this file) and run it in this directory:

    python3 verify.py checkpoint

\`\`\`python
${SCRIPT}\`\`\`

It checks that every record follows the one before it, that each has its leaf, and that the leaves give the root of
the checkpoint. It also leaves \`checkpoint.text\` and \`checkpoint.signature\` behind, to be checked with OpenSSL 3:

    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in checkpoint.text -sigfile checkpoint.signature

\`key.pem\` is the public key that you were given when the log was set up. The keys in \`keys.json\` lie beside the
records: whoever could change the one could change the other. For the same reason run the script with a checkpoint that
you received or stored elsewhere as well, instead of \`checkpoint\`: only such a one shows that nothing was cut off or
written anew with a stolen key.

## The rules

* Hash of a record: SHA-256 of its line without the newline. \`prev\` is the hash of the record before it in its stream, or 64 zeros.
* Lines are canonical JSON (RFC 8785).
* Leaf: SHA-256(0x00, line). Node: SHA-256(0x01, left, right). Trees are split as in RFC 6962 section 2.1.
* Checkpoints are c2sp.org/tlog-checkpoint texts in c2sp.org/signed-note form, signed with Ed25519.
* Key id: the first 4 bytes of SHA-256(name, 0x0A, 0x01, the 32 bytes of the public key).

What this cannot show: records newer than the newest checkpoint that left the machine are only chained, and the log
proves what was written, not that it was true.
`;
}
