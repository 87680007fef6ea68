import type { ActionOrigin } from './contract.ts';

/**
 * What actions ask of the organisation's own desks: evidence, regulatory clocks, people, tasks. Connectors are given
 * these ports; the rooms behind them implement them. Everything asked under the same `key` again is done once, and
 * `find` says whether it was: that is how such an action reads its effect back.
 */

export const ARTIFACT_KINDS = [
  'file',
  'command-output',
  'api-export',
  'email',
  'screenshot',
  'disk-image',
  'memory-image',
] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** Where an artefact comes from and how it was taken: the part of its custody record that only the collector knows. */
export interface Artifact {
  /** The same for every repeat: the action's key and which of its artefacts this is. */
  readonly key: string;
  readonly origin: ActionOrigin;
  readonly kind: ArtifactKind;
  /** As people know it, usually the base name of its path. Hostile: it may hold anything. */
  readonly name: string;
  readonly source: {
    /** The kind of system, for example `ssh` or `sandbox`. */
    readonly system: string;
    /** Host or account that it was taken from. */
    readonly host: string;
    /** Path, URI or query there. */
    readonly location: string;
    /** What the source says about its own time, ms since 1970, and how far that is from ours, in ms; null: unknown. */
    readonly modifiedAt: number | null;
    readonly clockOffsetMs: number | null;
  };
  /** Tool and exact command or request. Holds no secret. */
  readonly method: string;
  /** Whether it may hold personal data; true when nobody knows. */
  readonly personal: boolean;
}

/** What was kept. */
export interface PreservedArtifact {
  readonly evidenceId: string;
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
  /** False: the source or the store broke off; what came until then is kept, and marked as partial. */
  readonly complete: boolean;
}

export interface EvidenceDesk {
  /**
   * Streams an artefact into the store without holding it, hashing while it reads. Resolves when its bytes and its custody record
   * are on disk. When the source fails half-way, what came is kept as partial and the source's error is thrown on.
   * @param altered what could not be avoided or was noticed, for example that the file changed while it was read; asked at the end
   */
  preserve(
    artifact: Artifact,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    altered?: () => string | null,
  ): Promise<PreservedArtifact>;
  /** What was kept under this key, or null. */
  find(key: string): Promise<PreservedArtifact | null>;
  /** Sets a legal hold on all evidence of the incident of this execution, what comes later included. */
  holdAll(hold: {
    readonly key: string;
    readonly origin: ActionOrigin;
    readonly reason: string;
  }): Promise<{ readonly holdId: string }>;
  findHold(key: string): Promise<{ readonly holdId: string } | null>;
}

export interface RegulatoryDesk {
  /** Starts the clocks that the incident's regimes ask for, makes the drafts and tells the organisation's own contact. Sends nothing outside. */
  start(request: {
    readonly key: string;
    readonly origin: ActionOrigin;
    /** Regimes of the runbook's `compliance_tags`, for example `GDPR`. Empty: the organisation's own. */
    readonly regimes: readonly string[];
    /** The runbook's own limit, in hours; null: only those of the regimes. */
    readonly deadlineHours: number | null;
    readonly channels: readonly string[];
  }): Promise<{ readonly deadlineIds: readonly string[] }>;
  find(key: string): Promise<{ readonly deadlineIds: readonly string[] } | null>;
}

export interface PeopleDesk {
  /** Tells everybody who has one of the roles, over these channels beside the usual ones. */
  tell(message: {
    readonly key: string;
    readonly origin: ActionOrigin;
    readonly roles: readonly string[];
    readonly channels: readonly string[];
    readonly text: string;
  }): Promise<{ readonly noticeId: string }>;
  find(key: string): Promise<{ readonly noticeId: string } | null>;
}

/** Work that is for people: a task with a draft that they finish. */
export interface TaskDesk {
  open(task: {
    readonly key: string;
    readonly origin: ActionOrigin;
    readonly title: string;
    /** What they begin from; Markdown. */
    readonly draft: string;
    /** Who it is for. */
    readonly roles: readonly string[];
  }): Promise<{ readonly taskId: string }>;
  find(key: string): Promise<{ readonly taskId: string } | null>;
}
