import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { ASSET_TYPES } from '../../pipeline/inventory/asset.ts';
import { MAX_INVENTORY_BYTES, type InventoryFormat } from '../../pipeline/inventory/read-inventory.ts';
import { SEVERITIES } from '../../pipeline/vocabulary.ts';
import { IF_MATCH } from '../definitions.ts';
import { ifMatchOf, many, one } from '../envelope.ts';
import { MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { InventoryVerbs } from '../services.ts';

const BASE = '/api/inventory';
const tags = ['inventory'];
/** Longest id of an asset, in UTF-16 units: as in the inventory. */
const ID = z.string().min(1).max(512);
const FORMATS: ReadonlyMap<string, InventoryFormat> = new Map([
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/x-yaml', 'yaml'],
  ['text/yaml', 'yaml'],
  ['text/csv', 'csv'],
]);

/** What the organisation has, and how much it matters. */
export async function inventoryRoutes(app: ApiServer, inventory: InventoryVerbs): Promise<void> {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'inventory.read' },
    schema: { tags, summary: 'Which version of the inventory is in force', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await inventory.status(contextOf(request)), reply),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/assets`,
    config: { operation: 'inventory.read' },
    schema: {
      tags,
      summary: 'List assets',
      querystring: z.strictObject({
        ...PAGE,
        type: z.enum(ASSET_TYPES).optional(),
        criticality: z.enum(SEVERITIES).optional(),
        vendor: ID.optional().describe('Only those that depend on this vendor themselves'),
      }),
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await inventory.list(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/assets/:type/:id`,
    config: { operation: 'inventory.read' },
    schema: {
      tags,
      summary: 'Look up one asset by its id, an alias, or an address in a network',
      params: z.strictObject({ type: z.enum(ASSET_TYPES), id: ID }),
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await inventory.find(contextOf(request), request.params), reply),
  });
  await app.register(async (scope: ApiServer) => {
    scope.removeAllContentTypeParsers();
    // As bytes: faults are named by the line of the file.
    scope.addContentTypeParser(
      [...FORMATS.keys()],
      { parseAs: 'buffer', bodyLimit: MAX_INVENTORY_BYTES },
      (request, body: Buffer, done) => {
        request.bodyHash = sha256Hex(body);
        done(null, body);
      },
    );
    scope.route({
      method: 'PUT',
      url: BASE,
      bodyLimit: MAX_INVENTORY_BYTES,
      config: { operation: 'inventory.write' },
      schema: {
        tags,
        summary: 'Replace the whole inventory by a new version (JSON, YAML or CSV); the same again is none',
        consumes: [...FORMATS.keys()],
        headers: IF_MATCH,
        body: z.unknown().describe('The list of assets, or an object with the list `assets`'),
        response: { 200: ONE, ...PROBLEMS },
      },
      handler: async (request, reply) => {
        const { body } = request;
        if (!(body instanceof Uint8Array)) throw new FirebreakError('invalid_request', 'The body is empty');
        const [type = ''] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
        const format = FORMATS.get(type.trim()) ?? 'json';
        const ifMatch = ifMatchOf(request.headers['if-match']);
        return one(await inventory.put(contextOf(request), { bytes: body, format, ifMatch }), reply);
      },
    });
  });
}
