/** Makes the faults of one client's network, one after the other, and counts those that broke something. */

import { connect } from '../../src/node';
import { urlOf } from '../support/broker-kinds';
import type { Party, RunContext } from './party';
import { describeFault, type Fault, type PlannedFault } from './plan';

/** What the faults of a run have in common. */
export interface FaultProgress {
  /** Messages published, both ways together. */
  published(): number;
  /** Whether what was published has arrived, and is done with. */
  isQuiet(): boolean;
}

/** The faults of one client. */
export class FaultScript {
  /** Faults that broke something. */
  happened = 0;
  /** Times that the server forgot the session. */
  forgotten = 0;
  readonly #party: Party;
  readonly #context: RunContext;
  /** What is still to come, the current one included. */
  readonly #left: PlannedFault[];
  /** The first of them has begun. */
  #isUnderWay = false;

  constructor(party: Party, context: RunContext) {
    this.#party = party;
    this.#context = context;
    this.#left = context.plan.faults.filter(({ side }) => side === party.side);
  }

  /** When the next fault comes, or came that is not over: messages published. */
  get next(): number {
    return this.#left[0]?.after ?? Number.POSITIVE_INFINITY;
  }

  /** Whether nothing may be published until the fault that is next, or under way, is over. */
  get needsQuiet(): boolean {
    return this.#left[0] !== undefined && needsQuiet(this.#left[0]);
  }

  /** Everything was published: what needs quiet comes no more, unless it is under way. */
  spareQuiet(): void {
    const from = this.#isUnderWay ? 1 : 0;
    this.#left.splice(from, this.#left.length, ...this.#left.slice(from).filter((next) => !needsQuiet(next)));
    this.#context.watch.poke();
  }

  /** Makes them all. @throws whatever ends the watch */
  async run({ published, isQuiet }: FaultProgress): Promise<void> {
    const { watch, trace } = this.#context;
    const party = this.#party;
    let before = party.inFlight;
    for (let planned = this.#left[0]; planned; planned = this.#left[0]) {
      const { after, soon, fault } = planned;
      await watch.until(
        () =>
          this.#left[0] !== planned ||
          (published() >= after &&
            party.isConnected &&
            (this.needsQuiet ? isQuiet() : soon || before.every(({ outcome }) => outcome !== undefined))),
      );
      if (this.#left[0] !== planned) continue;
      this.#isUnderWay = true;
      trace(party.side, `-- ${describeFault(planned)}`);
      await this.#make(fault);
      trace(party.side, `-- ${fault.kind} is over`);
      if (fault.kind !== 'slow') {
        this.happened += 1;
        before = party.inFlight;
      }
      this.#isUnderWay = false;
      this.#left.shift();
      watch.poke();
    }
  }

  /** Makes a fault; resolves when it is over. */
  async #make(fault: Fault): Promise<void> {
    const { proxy, handshake } = this.#party;
    const { watch } = this.#context;
    const { ends } = this.#party;
    const broken = () => watch.until(() => this.#party.ends > ends);
    switch (fault.kind) {
      case 'cut':
        proxy.cutAfter(fault);
        return broken();
      case 'reset':
        proxy.reset();
        return broken();
      case 'end':
        proxy.end();
        return broken();
      case 'stall':
        proxy.stall(false);
        return broken();
      case 'refuse': {
        const until = proxy.refused + fault.attempts;
        proxy.refuse(true);
        proxy.reset();
        await watch.until(() => proxy.refused >= until);
        proxy.refuse(false);
        return;
      }
      case 'handshake': {
        const { direction, missing } = fault;
        const cuts = proxy.cuts + 1;
        proxy.reset();
        proxy.cutAfter({ direction, bytes: Math.max(0, handshake[direction] - missing) });
        return watch.until(() => proxy.cuts >= cuts && this.#party.ends > ends + 1);
      }
      case 'forget':
        proxy.refuse(true);
        proxy.reset();
        await broken();
        await this.#forget();
        this.forgotten += 1;
        this.#party.granted = 0;
        proxy.refuse(false);
        return watch.until(() => this.#party.isConnected && this.#party.isSubscribed);
      case 'slow':
        proxy.split(fault.piece);
        proxy.delay(fault.delay);
        return;
    }
  }

  /** Makes the server forget the session: somebody else asks for a clean one under its name. */
  async #forget(): Promise<void> {
    const { plan, broker } = this.#context;
    const somebody = await connect(urlOf(plan.transport, broker.port(plan.transport)), {
      protocolVersion: plan.protocolVersion,
      clientId: this.#party.client.clientId,
      clean: true,
      ...(plan.protocolVersion === 5 ? { sessionExpiryInterval: 0 } : {}),
      reconnect: false,
    });
    await somebody.close();
  }
}

/** The subscriber's session is forgotten only when nothing is on its way. */
function needsQuiet({ fault, side }: PlannedFault): boolean {
  return fault.kind === 'forget' && side === 'right';
}
