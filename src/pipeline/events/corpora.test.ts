import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEDUPE_HORIZON_MS } from '../../platform/limits.ts';
import type { Event } from './event.ts';
import { normaliseEvent } from './normalise-event.ts';
import { parseBatch } from './parse-batch.ts';

/**
 * Real records, read where they lie (they are not ours to copy): CloudTrail logs of DataDog/stratus-red-team @7c9a7a5a
 * (Apache-2.0) and the mapping pairs of ocsf/examples @45c82e30 (no licence file).
 */
const SHARED = process.env['FIREBREAK_SHARED_DATA'] ?? '../shared/data';
const present = existsSync(join(SHARED, 'cloudtrail')) && existsSync(join(SHARED, 'ocsf'));
if (!present)
  process.stderr.write(`SKIPPED: no real CloudTrail and OCSF records under ${SHARED} (set FIREBREAK_SHARED_DATA)\n`);

/** All events of a file, read as if each had been received a minute after it happened. */
function eventsOf(folder: string, name: string): Event[] {
  const { members, rejected } = parseBatch(readFileSync(join(SHARED, folder, name)), 'json');
  expect(rejected).toEqual([]);
  return members.map((member) => {
    const stated =
      /"(?:eventTime|published|time_dt)": *"([^"]+)"/.exec(new TextDecoder().decode(member.bytes))?.[1] ??
      '2023-09-19T16:00:00Z';
    const result = normaliseEvent(member, {
      format: null,
      source: 'test:corpus',
      receivedAt: Date.parse(stated) + 60_000,
    });
    if (!result.ok) throw new Error(`${name}: ${result.reason} ${result.pointer}`);
    return result.event;
  });
}

const files = (folder: string, suffix: string): string[] =>
  present
    ? readdirSync(join(SHARED, folder))
        .filter((name) => name.endsWith(suffix))
        .sort()
    : [];

describe.skipIf(!present)('stratus-red-team', () => {
  const all = files('cloudtrail', '.json').flatMap((name) => eventsOf('cloudtrail', name));

  it('maps all records: each has an id, a believed time, somebody who acted, and an address', () => {
    expect(all).toHaveLength(310);
    expect(new Set(all.map((event) => event.mapping))).toEqual(new Set(['cloudtrail/1']));
    expect(
      all.filter((event) => event.weakId || event.timeQuality !== 'event' || event.actor === null || event.ip === null),
    ).toEqual([]);
  });

  it('reads addresses with leading zeros decimal and flags them', () => {
    const flagged = new Set(all.filter((event) => event.ipNormalised).map((event) => event.ip));
    expect(flagged).toContain('75.50.255.67');
    expect(flagged).toContain('8.1.250.216');
    expect([...flagged].every((ip) => !/(?:^|\.)0\d/.test(ip ?? ''))).toBe(true);
  });

  it.each([
    ['aws.initial-access.console-login-without-mfa.json', 'login', 1],
    ['aws.defense-evasion.cloudtrail-stop.json', 'logging_change', 1],
    ['aws.defense-evasion.cloudtrail-delete.json', 'logging_change', 1],
    ['aws.defense-evasion.cloudtrail-event-selectors.json', 'logging_change', 1],
    ['aws.defense-evasion.vpc-remove-flow-logs.json', 'logging_change', 1],
    ['aws.defense-evasion.dns-delete-logs.json', 'logging_change', 1],
    ['aws.exfiltration.ec2-share-ebs-snapshot.json', 'data_export', 1],
    ['aws.exfiltration.ec2-share-ami.json', 'data_export', 1],
    ['aws.exfiltration.rds-share-snapshot.json', 'data_export', 1],
    ['aws.persistence.iam-create-admin-user.json', 'privilege_change', 1],
    ['aws.persistence.iam-create-admin-user.json', 'token_create', 1],
    ['aws.persistence.iam-backdoor-user.json', 'token_create', 1],
    ['aws.persistence.iam-backdoor-role.json', 'privilege_change', 1],
    ['aws.persistence.iam-create-backdoor-role.json', 'privilege_change', 1],
    ['aws.persistence.sts-federation-token.json', 'token_create', 1],
    ['aws.persistence.iam-create-user-login-profile.json', 'password_change', 1],
    ['aws.privilege-escalation.iam-update-user-login-profile.json', 'password_change', 1],
  ])('sees in %s: %s', (name, kind, count) => {
    expect(eventsOf('cloudtrail', name).filter((event) => event.kind === kind)).toHaveLength(count);
  });

  it('names the malicious user as the account concerned, and christophe as the one who acted', () => {
    const events = eventsOf('cloudtrail', 'aws.persistence.iam-create-admin-user.json');
    for (const event of events) {
      expect(event.subject?.name).toBe('malicious-iam-user');
      expect(event.actor?.name).toBe('christophe');
    }
  });
});

describe.skipIf(!present)('ocsf/examples', () => {
  it.each([
    ['mappings_markdown_Okta_v1.3.0_System_Logs_Authentication_samples_authentication', 'login'],
    ['mappings_markdown_Okta_v1.3.0_System_Logs_Account_Change_samples_account_change', 'other'],
    ['mappings_markdown_Okta_v1.3.0_System_Logs_Group_Management_samples_group_management', 'privilege_change'],
    ['mappings_markdown_Okta_v1.3.0_System_Logs_Detection_Finding_samples_detection_finding', 'alert'],
    ['mappings_markdown_AWS_v1.1.0_CloudTrail_Authentication_samples_authentication', 'login'],
    ['mappings_markdown_AWS_v1.1.0_CloudTrail_Account_Change_samples_account_change', 'other'],
  ])('%s: what the vendor sends and what OCSF makes of it give the same facts', (stem, kind) => {
    const [raw] = eventsOf('ocsf', `${stem}.raw`);
    const [mapped] = eventsOf('ocsf', `${stem}.ocsf`);
    const facts = (event: Event | undefined) => ({
      id: event?.id,
      kind: event?.kind,
      ip: event?.ip,
      session: event?.session,
      lat: event?.geo?.latMicro,
      asn: event?.asn,
    });
    expect(mapped?.mapping).toBe('ocsf/1');
    expect(facts(mapped)).toMatchObject({ kind });
    if (stem.includes('Detection_Finding')) expect({ ...facts(mapped), id: raw?.id }).toEqual(facts(raw));
    else expect(facts(mapped)).toEqual({ ...facts(raw), session: facts(mapped).session });
    expect(mapped?.timeQuality).toBe('event');
  });

  it('maps every sample, whatever its class', () => {
    for (const name of files('ocsf', '.ocsf')) expect(eventsOf('ocsf', name)[0]?.mapping).toBe('ocsf/1');
  });

  it('reads every OCSF time within the horizon of its own record', () => {
    for (const name of files('ocsf', '.ocsf')) {
      const [event] = eventsOf('ocsf', name);
      expect(Math.abs(Number(event?.time) - Number(event?.receivedAt))).toBeLessThan(DEDUPE_HORIZON_MS);
    }
  });
});
