import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  readdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processIo } from '../../src/cli/io.ts';
import { validateCommand, type ValidateOptions } from '../../src/cli/validate.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-validate-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function validate(paths: readonly string[], more: Partial<ValidateOptions> = {}) {
  let [out, err] = ['', ''];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const options = { format: 'text', fix: false, strict: false, ...more } as const;
  const code = await validateCommand(paths, options, { ...processIo(), stdout, stderr });
  return { code, out, err };
}

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const BROKEN = `playbooks:
  high:
    name: "Ünïcode"
    steps:
      - action: "isolate_hsot"
        rollback: "restore_host"
      - action: "trigger_forensic_imaging"
        requires_approval: false
`;

describe('firebreak validate', () => {
  it('takes the shipped examples and the runbooks of the seeds', async () => {
    const { code, out } = await validate(['examples', 'tests/fixtures/runbooks']);
    expect(out).toContain('5 files: 0 errors, 2 warnings');
    expect(code).toBe(0);
    expect((await validate(['tests/fixtures/runbooks'], { strict: true })).code).toBe(1);
  });

  it('names file, line, column, rule and fix for people', async () => {
    const path = write('a.yaml', BROKEN);
    const { code, out } = await validate([folder]);
    expect(code).toBe(1);
    expect(out).toContain(
      `${path}:5:17: error unknown-action: isolate_hsot is not an action. Correct it. (--fix does it)`,
    );
  });

  it('answers programs with byte ranges that mend the file', async () => {
    const path = write('a.yaml', BROKEN.replace('isolate_hsot', 'isolate_host'));
    const { out } = await validate([path], { format: 'json' });
    const answer = JSON.parse(out);
    expect(answer).toMatchObject({ errors: 1, warnings: 0, files: [{ path, problems: [{ line: 8, column: 28 }] }] });
    const [{ byteOffset, byteEnd, text }] = answer.files[0].problems[0].edits;
    const bytes = readFileSync(path);
    const mended = Buffer.concat([bytes.subarray(0, byteOffset), Buffer.from(text), bytes.subarray(byteEnd)]);
    writeFileSync(path, mended);
    expect((await validate([path])).code).toBe(0);
  });

  it('answers code scanning in SARIF 2.1.0', async () => {
    write('a b.yaml', BROKEN);
    const { out } = await validate([folder], { format: 'sarif' });
    const { version, runs } = JSON.parse(out);
    expect(version).toBe('2.1.0');
    const [{ tool, results, invocations }] = runs;
    expect(invocations[0].executionSuccessful).toBe(true);
    const [first] = results;
    expect(tool.driver.rules[first.ruleIndex].id).toBe(first.ruleId);
    expect(first).toMatchObject({
      ruleId: 'unknown-action',
      level: 'error',
      locations: [{ physicalLocation: { region: { startLine: 5, startColumn: 17 } } }],
      fixes: [{ artifactChanges: [{ replacements: [{ insertedContent: { text: '"isolate_host"' } }] }] }],
    });
    expect(first.locations[0].physicalLocation.artifactLocation.uri).toMatch(/^file:.*a%20b\.yaml$/);
  });

  it('lets nothing in a file become a command of the workflow', async () => {
    const hostile =
      'playbooks:\n  high:\n    name: P\n    steps:\n      - action: "x%0A\\n::set-output name=a::b\\u001b[2J"\n';
    write('a,b:c.yaml', hostile);
    const { out } = await validate([folder], { format: 'github' });
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(out).toMatch(/^::error file=[^:,]*a%2Cb%3Ac\.yaml,line=5,col=17,title=unknown-action::/);
    expect(out).toContain('x%250A');
    expect(out).not.toContain('\u001b');
  });

  it('mends a file whole, keeps its rights, and leaves what it cannot mend', async () => {
    const path = write('a.yaml', `${BROKEN}      - action: "pray"\n`);
    chmodSync(path, 0o640);
    const { code, out } = await validate([path], { fix: true });
    expect(code).toBe(1);
    expect(out).toContain('pray is not an action');
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('- action: "isolate_host"');
    expect(text).toContain('requires_approval: false');
    writeFileSync(path, text.replace('      - action: "pray"\n', ''));
    expect((await validate([path], { fix: true })).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('requires_approval: true');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['a.yaml']);
  });

  it('leaves a file that has nothing to mend as it is', async () => {
    const path = join(folder, 'a.yaml');
    copyFileSync('examples/runbooks/ransomware.yaml', path);
    const before = statSync(path);
    await validate([path], { fix: true });
    expect(statSync(path).ino).toBe(before.ino);
  });

  it('never shows a secret, wherever it stands', async () => {
    const token = `${'gh'}p_${'a1B2'.repeat(9)}`;
    const key = `AKIA${'ABCDEFGH'.repeat(2)}`;
    const text =
      `# ${key}\nplaybooks:\n  high:\n    name: P\n    steps:\n` +
      `      - action: "${token}"\n        channels: ["${token}"]\n        parameters: { password: "hunter2", db: "postgres://u:hunter2@h/d" }\n`;
    const path = write('a.yaml', text);
    for (const format of ['text', 'json', 'sarif', 'github'] as const) {
      const { out, err, code } = await validate([path], { format });
      expect(code).toBe(1);
      expect(out + err).not.toContain(token);
      expect(out + err).not.toContain(key);
      expect(out + err).not.toContain('hunter2');
      expect(out.match(/secret/g)?.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('walks folders, follows no link, and skips what is something else', async () => {
    mkdirSync(join(folder, 'deep', 'node_modules'), { recursive: true });
    write('deep/good.yml', 'playbooks:\n  low:\n    name: P\n    steps:\n      - action: notify_soc\n');
    write('deep/node_modules/bad.yaml', BROKEN);
    write('deployment.yaml', 'kind: Deployment\n');
    const outside = mkdtempSync(join(tmpdir(), 'firebreak-outside-'));
    writeFileSync(join(outside, 'bad.yaml'), BROKEN);
    symlinkSync(outside, join(folder, 'link'));
    symlinkSync(join(outside, 'bad.yaml'), join(folder, 'link.yaml'));
    try {
      const { code, out } = await validate([folder]);
      expect([code, out]).toEqual([0, '1 files: 0 errors, 0 warnings\n']);
      const named = await validate([join(folder, 'link.yaml')]);
      expect(named.code).toBe(2);
      expect(named.err).toContain('symbolic link');
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  });

  it('says what it could not read, with a code of its own', async () => {
    expect((await validate([join(folder, 'absent.yaml')])).code).toBe(2);
    expect((await validate([folder])).code).toBe(2);
    expect((await validate([write('a.txt', 'x')])).code).toBe(2);
    writeFileSync(join(folder, 'b.yaml'), Buffer.from([0x70, 0xff, 0xfe]));
    expect((await validate([join(folder, 'b.yaml')])).code).toBe(2);
  });

  it('refuses 10 MB without reading them', async () => {
    const path = write('a.yaml', `playbooks:\n${'# x\n'.repeat(2_600_000)}`);
    const { code, out } = await validate([path]);
    expect(code).toBe(1);
    expect(out).toContain('too-large');
  });

  it('judges playbook documents too, and knows the parameters of the sandbox', async () => {
    const good = { playbookId: 'p', name: 'P', playbookType: 'CUSTOM', severity: 'LOW' };
    const action = { actionId: 'a', actionType: 'GEO_LOCK', parameters: { allowedCountries: ['Germany'] } };
    const path = write('p.json', JSON.stringify({ ...good, actions: [action] }, null, 1));
    const { code, out } = await validate([path]);
    expect(code).toBe(1);
    expect(out).toContain('two-letter country code');
    const fixed = { ...action, parameters: { allowedCountries: ['DE'] } };
    writeFileSync(path, JSON.stringify({ ...good, actions: [fixed] }));
    expect((await validate([path])).code).toBe(0);
  });

  it('takes connectors that it is told of', async () => {
    const text =
      'playbooks:\n  low:\n    name: P\n    steps:\n      - action: notify_soc\n        connector: our-edr\n';
    const path = write('a.yaml', text);
    expect((await validate([path])).out).toContain('unknown-connector');
    expect((await validate([path], { connectors: ['our-edr'] })).code).toBe(0);
  });

  it('prints the schema for editors', async () => {
    const { code, out } = await validate([], { schema: true });
    expect(code).toBe(0);
    expect(out).toBe(readFileSync('schemas/runbook.schema.json', 'utf8'));
  });
});
