import { describe, expect, it } from 'vitest';
import { detectFormat } from './detect-format.ts';

describe('detectFormat', () => {
  it.each([
    ['ocsf', { class_uid: 3002, metadata: {} }],
    ['google', { kind: 'admin#reports#activity', id: { applicationName: 'login' }, events: [] }],
    ['okta', { eventType: 'user.session.start', published: 'x' }],
    ['cloudtrail', { eventName: 'x', eventSource: 'y' }],
    ['cloudtrail', { detail: { eventName: 'x', eventSource: 'y' } }],
    ['entra', { createdDateTime: 'x', status: {} }],
    ['entra', { activityDateTime: 'x', activityDisplayName: 'y' }],
    ['entra', { category: 'NonInteractiveUserSignInLogs', properties: { createdDateTime: 'x', status: {} } }],
    ['auth0', { log_id: 'x', type: 's', date: 'y' }],
    ['auth0', { _id: 'x', type: 's', date: 'y' }],
    ['auth0', { log_id: 'x', data: { type: 's', date: 'y' } }],
    ['ecs', { '@timestamp': 'x', event: {} }],
    ['ecs', { '@timestamp': 'x', 'event.kind': 'alert' }],
    ['firebreak', { kind: 'alert' }],
    ['firebreak', { kind: 'login' }],
    [null, {}],
    [null, { kind: 'pod' }],
    [null, { kind: 'constructor' }],
    [null, { class_uid: '3002', metadata: {} }],
    [null, { eventType: 'x' }],
  ])('tells %s', (format, event) => {
    expect(detectFormat(event)).toBe(format);
  });
});
