import type { BundleManifest } from './bundle-format.ts';

/** Standard-library Python, so that the check needs nothing of ours. `bundles.test.ts` runs it. */
const SCRIPT = `import base64, hashlib, json, os, sys

def sha(data):
    return hashlib.sha256(data).digest()

def digests(name):
    both = [hashlib.sha256(), hashlib.sha512()]
    with open(name, "rb") as file:
        while block := file.read(1 << 20):
            for each in both:
                each.update(block)
    return [each.hexdigest() for each in both]

def climb(index, size, leaf, proof):
    last = size - 1
    for sibling in proof:
        if index % 2 == 1 or index == last:
            leaf = sha(b"\\x01" + sibling + leaf)
            while index % 2 == 0 and index != 0:
                index, last = index // 2, last // 2
        else:
            leaf = sha(b"\\x01" + leaf + sibling)
        index, last = index // 2, last // 2
    return leaf if last == 0 else None

with open("bundle.note", encoding="utf-8", newline="") as file:
    text, _, line = file.read().rpartition("\\n\\n")
beside = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(beside, "bundle.text"), "w", encoding="utf-8", newline="") as file:
    file.write(text + "\\n")
with open(os.path.join(beside, "bundle.signature"), "wb") as file:
    file.write(base64.b64decode(line.split(" ")[2])[4:])
form, name, manifest_line, stamp_line = text.split("\\n")
if digests("manifest.json")[0] != manifest_line.split(" ")[1]:
    sys.exit("manifest.json is not the one that was signed")
stamp = stamp_line.split(" ")[1]
if stamp != "none" and digests("manifest.tsr")[0] != stamp:
    sys.exit("manifest.tsr is not the one that was signed")
with open("manifest.json", encoding="utf-8") as file:
    manifest = json.load(file)
for each in manifest["files"]:
    if os.path.islink(each["name"]) or not os.path.isfile(each["name"]):
        sys.exit("%s is missing" % each["name"])
    if digests(each["name"]) != [each["sha256"], each["sha512"]]:
        sys.exit("%s was changed" % each["name"])

root = bytes.fromhex(manifest["checkpoint"]["root"])
size = manifest["checkpoint"]["size"]
with open("checkpoint", encoding="utf-8", newline="") as file:
    origin, count, encoded = file.read().split("\\n")[:3]
if (origin, int(count), base64.b64decode(encoded)) != (manifest["checkpoint"]["origin"], size, root):
    sys.exit("checkpoint is not the one that the manifest names")
ends, records = {}, 0
with open("records.ndjson", "rb") as lines, open("proofs.ndjson", "rb") as proofs:
    for data, proof in zip(lines, proofs, strict=True):
        data, proof = data.rstrip(b"\\n"), json.loads(proof)
        record = json.loads(data)
        seq, prev = ends.get(record["stream"], (0, "0" * 64))
        if (record["seq"], record["prev"]) != (seq + 1, prev):
            sys.exit("record %s #%d does not follow the one before it" % (record["stream"], record["seq"]))
        ends[record["stream"]] = (record["seq"], sha(data).hex())
        path = [bytes.fromhex(each) for each in proof["proof"]]
        if climb(proof["position"], size, sha(b"\\x00" + data), path) != root:
            sys.exit("record %s #%d is not in the log" % (record["stream"], record["seq"]))
        records += 1
for each in manifest["streams"]:
    if ends.get(each["stream"]) != (each["records"], each["hash"]):
        sys.exit("the end of %s is missing" % each["stream"])
print("%s: %d files and %d records are as they were sealed" % (name, len(manifest["files"]), records))
`;

/** The text of VERIFY.md: how to check the bundle with a Python interpreter and OpenSSL only. */
export function bundleGuide(
  about: Pick<BundleManifest, 'bundleId' | 'incidentId' | 'exportedAt' | 'checkpoint'>,
): string {
  return `# How to check this bundle

Evidence bundle \`${about.bundleId}\` of the incident \`${about.incidentId}\`, made at ${new Date(about.exportedAt).toISOString()}.

| File | Content |
|---|---|
| \`report.html\` | what happened, for people |
| \`evidence/\` | the artefacts, each under its evidence id; the names that they had stand in the report and the records |
| \`records.ndjson\` | all records of the incident, of its executions with their approvals, and of the custody of each artefact, exactly as they were hashed |
| \`proofs.ndjson\` | for each of these lines, the proof that it stands in the log |
| \`checkpoint\` | the signed checkpoint of the log that the proofs lead to |
| \`checkpoints.ndjson\` | earlier checkpoints, the proof that the log only grew since, and the RFC 3161 time stamps of those that have one |
| \`objects.ndjson\` | plans and code that the records name by hash |
| \`keys.json\` | the public keys, each with the sizes of the log that it may sign |
| \`manifest.json\` | every file above with its size, SHA-256 and SHA-512 |
| \`bundle.note\` | the signature: it names the SHA-256 of \`manifest.json\` and of its time stamp |
| \`manifest.tsr\` | the time stamp of \`manifest.json\`, where there is one |

With Firebreak, also on a machine that has nothing else: \`firebreak evidence verify BUNDLE\`. It names the first file that is not as
it was sealed. Give it the key that you were given when the log was set up: \`--key 'name+id+key'\`. The one in \`keys.json\` lies beside
what it vouches for: whoever could change the one could change the other.

## Without Firebreak

Unpack the archive, save the script as \`verify.py\` (best from the documentation, not from this file) elsewhere, and run it in the folder:

    python3 /somewhere/verify.py

\`\`\`python
${SCRIPT}\`\`\`

It checks every file against the manifest, every record against the one before it and against the checkpoint. It leaves
\`bundle.text\` and \`bundle.signature\` beside itself, to be checked there with OpenSSL 3 and the public key of the log, \`key.pem\`:

    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in bundle.text -sigfile bundle.signature

The checkpoint is signed with the same key: its text is everything before the empty line. The time stamp:

    openssl ts -verify -data manifest.json -in manifest.tsr -token_in -CAfile root-of-the-authority.pem

## What this cannot show

The records prove what the server wrote, not that it was true; times are those of the server unless a time stamp says so. That nothing was written anew
with a stolen key shows only a checkpoint (\`${about.checkpoint.origin}\`) that you received or kept elsewhere, or a time stamp.
`;
}
