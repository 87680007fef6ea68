import { z } from 'zod';
import { runbookSchema } from './runbook-schema.ts';

/** Documents that the schema shows as examples. */
const EXAMPLES = [
  {
    metadata: { version: '1.0', owner: 'security-ir-team', compliance_tags: ['GDPR'] },
    playbooks: {
      critical: {
        name: 'Contain a host',
        steps: [
          { action: 'isolate_host', target: '{{event.host_id}}', rollback: 'restore_host' },
          { action: 'notify_regulatory_contact', channels: ['encrypted_email'], deadline_hours: 72 },
        ],
      },
    },
  },
];

/** The JSON Schema (draft 7, which editors of YAML know) of a runbook file, as text. The same for the same program. */
export function runbookJsonSchema(): string {
  const schema = z.toJSONSchema(runbookSchema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ ...schema, examples: EXAMPLES }, null, 2)}\n`;
}
