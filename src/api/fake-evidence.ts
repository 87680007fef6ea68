import type { Answer, Listing } from '../pipeline/service.ts';
import type { Services } from './services.ts';

export interface Call {
  readonly verb: string;
  readonly ctx: unknown;
  readonly input: unknown;
}

/** What canned answers are made with; every call is noted. */
export interface Canned {
  readonly one: (
    verb: string,
    data?: Answer['data'],
    version?: number,
  ) => (ctx: unknown, input: unknown) => Promise<Answer>;
  readonly many: (verb: string, item?: Answer['data']) => (ctx: unknown, input: unknown) => Promise<Listing>;
  readonly calls: Call[];
}

/** A bundle that was sealed. */
const CANNED_BUNDLE = {
  manifest: null as never, // routes send its content only
  hash: '0'.repeat(64),
  size: 3,
  async *content() {
    yield Buffer.from('tar');
  },
};

/** FAKE: evidence, its bundles, and what people may ask about their data. */
export function fakeEvidence({
  one,
  many,
  calls,
}: Canned): Pick<Services, 'erasures' | 'heldData' | 'evidence' | 'evidenceBundles'> {
  return {
    erasures: {
      list: many('erasures.list'),
      get: one('erasures.get'),
      request: one('erasures.request'),
      confirm: one('erasures.confirm'),
      withdraw: one('erasures.withdraw'),
    },
    heldData: {
      async export(ctx, input) {
        calls.push({ verb: 'heldData.export', ctx, input });
        return (async function* lines() {
          yield { what: 'account' };
        })();
      },
    },
    evidence: {
      list: many('evidence.list'),
      get: one('evidence.get'),
      download: async (ctx, input) => {
        calls.push({ verb: 'evidence.download', ctx, input });
        const content = (async function* () {
          yield Buffer.from('bytes');
        })();
        return { evidenceId: 'evd_1', name: 'a.log', size: 5, sha256: 'ab'.repeat(32), content };
      },
      upload: async (ctx, input, content) => {
        for await (const _piece of content);
        return one('evidence.upload')(ctx, input);
      },
      transfer: one('evidence.transfer'),
      examine: one('evidence.examine'),
      hold: one('evidence.hold'),
      holds: many('evidence.holds'),
      release: one('evidence.release'),
      dispose: one('evidence.dispose'),
    },
    evidenceBundles: {
      order: one('evidenceBundles.order'),
      async take(ctx, input) {
        calls.push({ verb: 'evidenceBundles.take', ctx, input });
        return { bundleId: 'bun_1', sealed: CANNED_BUNDLE };
      },
    },
  };
}
