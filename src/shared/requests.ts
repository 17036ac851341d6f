/**
 * What a tab has asked for and not been answered. It outlives hubs: what the last one did not answer is asked again at
 * the next. A QoS 1 or 2 message goes under a key, so that a hub whose store knows it does not send it a second time.
 */

import { ConnectionError, MqttError } from '../errors';
import type { PublishOptions, WaitOptions } from '../index';
import { atLimit } from './waiting';
import type { Answers, Call, ToHub } from './wire';

/** How long the hub may take to say what became of a publish that its caller gave up, in milliseconds. */
const patience = 1_000;

/** How the hub says that it did as `abort` says. */
export const abortedCode = 'aborted';

/** How the keys begin that tabs give to messages without one. */
export const autoKey = 'mqtide-shared:';

interface Request {
  readonly id: number;
  readonly call: Call;
  readonly limited: boolean;
  /** The hub that was asked last; 0 for none. */
  askedOf: number;
  /** Why the caller waits no longer, once it does not. */
  reason: unknown;
  /** The caller has heard that the message will be sent, by this tab if the hub did not get it. */
  isPromised: boolean;
  /** Ends the limit of the wait. */
  stop: () => void;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** See above. */
export class Requests {
  readonly #open = new Map<number, Request>();
  /** Says it to the hub. @returns false while there is none */
  readonly #post: (item: ToHub) => boolean;
  #lastId = 0;
  /** Counts hubs. */
  #hub = 1;

  constructor(post: (item: ToHub) => boolean) {
    this.#post = post;
  }

  /** Asks the hub, or the one that comes. */
  ask<Method extends keyof Answers>(
    call: Call & { method: Method },
    limits: WaitOptions = {},
  ): Promise<Answers[Method]> {
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const id = this.#lastId;
      const limited = limits.signal !== undefined || limits.timeout !== undefined;
      const request: Request = {
        id,
        call,
        limited,
        askedOf: 0,
        reason: undefined,
        isPromised: false,
        stop: () => {},
        resolve,
        reject,
      };
      if (limited) request.stop = atLimit(limits, call.method, (reason) => this.#giveUp(request, reason));
      this.#open.set(id, request);
      this.#ask(request);
    });
  }

  /** Whether messages wait for their end. */
  get isPublishing(): boolean {
    for (const { call } of this.#open.values()) if (call.method === 'publish') return true;
    return false;
  }

  answered(id: number, value: Answers[keyof Answers]): void {
    this.#take(id)?.resolve(value as never);
  }

  failed(id: number, error: Error): void {
    const request = this.#open.get(id);
    if (!request) return;
    const { reason, isPromised } = request;
    const code = error instanceof MqttError ? error.code : undefined;
    const isStill = reason !== undefined && code === 'still-stored';
    // What the hub has may go with it.
    if (isPromised ? code === abortedCode : isStill) {
      this.#promise(request);
      this.#ask(request);
      return;
    }
    this.#take(id);
    request.reject(reason !== undefined && code === abortedCode ? reason : error);
  }

  /** There is a new hub: what is asked from now on goes there, the rest with `askAgain`. */
  hubChanged(): void {
    this.#hub += 1;
  }

  /** Asks the new hub what the last one has not answered. */
  askAgain(): void {
    for (const request of [...this.#open.values()]) {
      const { id, call, askedOf, reason } = request;
      if (askedOf === this.#hub) continue;
      // The tab does so by itself.
      if (call.method === 'subscribe' && call.again) this.#take(id);
      else if (reason !== undefined) {
        this.#lastWord(request);
        if (request.isPromised) this.#ask(request);
      } else if (askedOf > 0 && call.method === 'publish' && !isStored(call)) {
        this.failed(
          id,
          new ConnectionError(
            'dropped',
            'The tab with the connection is gone, and perhaps the QoS 0 message with it; QoS 1 is asked for again',
          ),
        );
      } else this.#ask(request);
    }
  }

  /** Nobody will answer any more. @param errorFor is told whether the last hub that there was has been asked */
  rejectAll(errorFor: (call: Call, wasAsked: boolean) => Error): void {
    for (const { id, call, askedOf } of [...this.#open.values()])
      this.#take(id)?.reject(errorFor(call, askedOf === this.#hub));
  }

  #ask(request: Request): void {
    const { id, call, limited } = request;
    if (this.#post({ type: 'call', id, call, limited })) request.askedOf = this.#hub;
  }

  #giveUp(request: Request, reason: unknown): void {
    const { id, call, askedOf } = request;
    if (askedOf > 0) this.#post({ type: 'abort', id });
    if (askedOf > 0 && call.method === 'publish') {
      request.reason = reason;
      const timer = setTimeout(() => this.#lastWord(request), patience);
      request.stop = () => clearTimeout(timer);
      return;
    }
    this.#take(id)?.reject(reason);
    // It may be granted already.
    if (askedOf > 0 && call.method === 'subscribe')
      this.ask({ method: 'end', subscription: call.subscription }).catch(() => {});
  }

  /** Says what a caller hears who gave up, and whom the hub does not answer. */
  #lastWord(request: Request): void {
    const { id, call, reason } = request;
    if (isStored(call)) this.#promise(request);
    else this.failed(id, new MqttError(abortedCode, 'Given up', { cause: reason }));
  }

  /** From here on it is this tab that sees to it, under the key of the message: hubs come and go. */
  #promise(request: Request): void {
    request.isPromised = true;
    request.stop();
    request.reject(
      new ConnectionError('still-stored', 'Gave up waiting; the message stays and will be delivered', {
        cause: request.reason,
      }),
    );
  }

  #take(id: number): Request | undefined {
    const request = this.#open.get(id);
    this.#open.delete(id);
    request?.stop();
    return request;
  }
}

/** Whether a publish is one that stores keep. */
export function isStored(call: Call): boolean {
  const { qos } = (call.method === 'publish' && (call.options as PublishOptions)) || {};
  return qos === 1 || qos === 2;
}
