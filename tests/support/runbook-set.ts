import { createHash } from 'node:crypto';

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

const AUTHOR = { name: 'Ada', email: 'ada@example.org' };
const TEXT = 'playbooks:\n  low:\n    name: Tell the SOC\n    steps:\n      - action: notify_soc\n';

/** A set of one runbook as `firebreak sync` sends it, of a commit that is made up from the runbook's id. */
export function runbookSet(id: string) {
  const commitId = sha1(id);
  const blob = sha1(`blob ${TEXT.length}\0${TEXT}`);
  return {
    origin: 'a repository',
    ref: 'main',
    folder: '',
    commitId,
    author: AUTHOR,
    committedAt: '2026-01-05T08:00:00Z',
    signature: { state: 'unsigned', signer: null, key: null },
    files: [{ path: `${id}.yaml`, blob, commitId, author: AUTHOR, text: TEXT }],
  };
}
