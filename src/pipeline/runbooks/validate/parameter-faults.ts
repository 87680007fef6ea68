import type { Fault } from '../../../platform/errors.ts';
import type { JsonObject } from '../../actions/contract.ts';
import type { ActionRegistry } from '../../actions/registry.ts';
import type { ActionType } from '../../vocabulary.ts';
import type { Surroundings } from './lint-steps.ts';

/**
 * What these connectors say of parameters: the one that a step names, else the one that is most content, because a runbook that
 * names none leaves it to the server. Nothing where none of them offers the action.
 */
export function parameterFaultsOf(
  registry: Pick<ActionRegistry, 'declarations' | 'checkParameters'>,
): Surroundings['parameterFaults'] {
  return (type: ActionType, parameters: JsonObject, connector?: string) => {
    const offers = registry.declarations().filter((offer) => offer.type === type);
    const named = connector === undefined ? offers : offers.filter((offer) => offer.connector === connector);
    const said = named.map((offer) => registry.checkParameters(type, parameters, '', offer.connector));
    return (
      said.reduce<readonly Fault[] | null>(
        (least, faults) => (least === null || faults.length < least.length ? faults : least),
        null,
      ) ?? []
    );
  };
}
