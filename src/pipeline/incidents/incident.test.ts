import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../detections/detector.ts';
import { SEVERITIES, severityRank } from '../vocabulary.ts';
import { INCIDENT_WINDOW_MS, belongsTo, openIncident, withFindings } from './incident.ts';
import { severityFrom } from './severity.ts';

const AT = Date.UTC(2026, 10, 21, 3, 0, 0);
const subject = { type: 'user', id: 'anna' } as const;

function finding(id: string, more: Partial<Finding> = {}): Finding {
  return {
    id,
    ruleId: 'rule',
    key: 'user:anna',
    anchor: id,
    type: 'REPEATED_2FA_BYPASS',
    subject,
    accounts: [],
    severity: 'MEDIUM',
    confidence: 60,
    techniques: [],
    evidence: [{ source: 's', eventId: id }],
    evidenceCount: 1,
    firstTime: AT,
    lastTime: AT,
    explanation: `found ${id}`,
    details: { sourceIp: '81.2.69.142' },
    superseded: false,
    ...more,
  };
}

describe('the severity matrix', () => {
  it('keeps the four cells of the request', () => {
    const cells = [
      severityFrom('LOW', 89),
      severityFrom('MEDIUM', 40),
      severityFrom('HIGH', 70),
      severityFrom('CRITICAL', 90),
    ];
    expect(cells).toEqual(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']);
  });

  it('never falls with more impact or more confidence', () => {
    for (const [row, impact] of SEVERITIES.entries()) {
      for (let confidence = 1; confidence <= 100; confidence += 1) {
        const rank = severityRank(severityFrom(impact, confidence));
        expect(rank).toBeGreaterThanOrEqual(severityRank(severityFrom(impact, confidence - 1)));
        expect(rank).toBeGreaterThanOrEqual(severityRank(severityFrom(SEVERITIES[row - 1] ?? impact, confidence)));
      }
    }
  });
});

describe('an incident', () => {
  const findings = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('f1', 'f2', 'f3', 'f4', 'f5'),
      severity: fc.constantFrom(...SEVERITIES),
      confidence: fc.constantFrom(30, 60, 95),
      firstTime: fc.constantFrom(AT - 9, AT, AT + 9),
      accounts: fc.subarray(['bela', 'carla', 'david']).map((ids) => ids.map((id) => ({ type: 'user' as const, id }))),
    }),
    { selector: ({ id }) => id, minLength: 1 },
  );

  it('is the same in whatever order and grouping its findings come', () => {
    fc.assert(
      fc.property(findings, fc.nat(), (drawn, turn) => {
        const all = drawn.map(({ id, ...more }) => finding(id, { ...more, lastTime: more.firstTime }));
        const together = openIncident('inc', subject, 'DETECTION', all, AT, AT);
        const turned = [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)];
        const [first, ...others] = turned;
        if (first === undefined) throw new Error('nothing was drawn');
        let one = openIncident('inc', subject, 'DETECTION', [first], AT, AT);
        for (const other of others) one = withFindings(one, [other], AT);
        expect({ ...one, timeline: [] }).toEqual({ ...together, timeline: [] });
      }),
    );
  });

  it('falls back on what still stands when its gravest finding fell', () => {
    const grave = finding('f1', { severity: 'CRITICAL', confidence: 95 });
    const both = openIncident('inc', subject, 'DETECTION', [grave, finding('f2')], AT, AT);
    expect([both.severity, both.summary]).toEqual(['CRITICAL', 'found f1']);
    const left = withFindings(both, [{ ...grave, superseded: true }], AT);
    expect([left.severity, left.confidence, left.summary]).toEqual(['MEDIUM', 60, 'found f2']);
    expect(left.details).toEqual({});
  });

  it('lets no flood of one kind of finding hide what is graver or of another kind, in whatever order they come', () => {
    const flood = Array.from({ length: 300 }, (_, index) =>
      finding(`flood${index}`, { severity: 'HIGH', firstTime: AT + index, lastTime: AT + index }),
    );
    const later = { firstTime: AT + 1_000, lastTime: AT + 1_000 };
    const grave = finding('grave', { ...later, severity: 'CRITICAL', details: { attempts: 12 } });
    const other = finding('other', { ...later, ruleId: 'another rule', severity: 'LOW', confidence: 30 });
    const together = openIncident('inc', subject, 'DETECTION', [...flood, grave, other], AT, AT);
    expect(together).toMatchObject({ severity: 'CRITICAL', summary: 'found grave', details: { attempts: 12 } });
    expect(together.findings).toHaveLength(200);
    expect(together.findings.map(({ ruleId }) => ruleId)).toContain('another rule');
    for (const batches of [
      [flood, [grave], [other]],
      [[other], [grave], flood],
    ]) {
      const [first = [], ...rest] = batches;
      const opened = openIncident('inc', subject, 'DETECTION', first, AT, AT);
      const grown = rest.reduce((incident, batch) => withFindings(incident, batch, AT), opened);
      expect({ ...grown, timeline: [] }).toEqual({ ...together, timeline: [] });
    }
  });

  it('reaches a day to either side', () => {
    const incident = openIncident('inc', subject, 'DETECTION', [finding('f1')], AT, AT);
    expect(belongsTo(incident, AT + INCIDENT_WINDOW_MS, AT + INCIDENT_WINDOW_MS)).toBe(true);
    expect(belongsTo(incident, AT + INCIDENT_WINDOW_MS + 1, AT + INCIDENT_WINDOW_MS + 1)).toBe(false);
    expect(belongsTo(incident, 0, AT - INCIDENT_WINDOW_MS)).toBe(true);
    expect(belongsTo(incident, 0, AT - INCIDENT_WINDOW_MS - 1)).toBe(false);
  });
});
