/** An application and all that is around it: plays a script, then lets a good world show what must have become of it. */

import { type FakeTime, settled } from '../fake-time';
import { Random } from '../random';
import { must, Violation } from '../target';
import { Application } from './application';
import type { Expectations } from './expectations';
import { Hosts } from './hosts';
import { type ApplicationScript, type Qos, type Step, topics } from './script';

/** Seconds in a good world after which nothing may be pending any more. */
const patience = 400;
/** Seconds that a good world has at least: late retries and timers, which should do nothing, have their time. */
const calm = 16;
/** Milliseconds after which a client that has nothing left to wait for is connected and at rest. */
const rest = 12_000;
/** Milliseconds after `close()` after which no timer of the client, of a handler or of the network is set. */
const afterlife = 140_000;
/** Milliseconds for messages that nobody takes, and for answers, after the probes. */
const probing = 30_000;

/** See the head of this file. */
export class ApplicationWorld {
  /** What happened, with its time, for those who look for the cause of a failure. */
  readonly transcript: string[] = [];
  readonly #script: ApplicationScript;
  readonly #time: FakeTime;
  readonly #hosts: Hosts;
  readonly #application: Application;
  readonly #expectations: Expectations;
  readonly #begin = performance.now();

  constructor(script: ApplicationScript, time: FakeTime) {
    this.#script = script;
    this.#time = time;
    const random = new Random(script.seed);
    const note = (what: string) => this.transcript.push(`${performance.now() - this.#begin} ms: ${what}`);
    const hosts = new Hosts(
      script,
      random,
      note,
      (text, topic, qos) => {
        note(`the server forwards ${text}`);
        this.#expectations.forwarded(text, topic, qos);
      },
      (error) =>
        this.#application.violations.push(
          error instanceof Violation ? error : new Violation(`the broker broke: ${String(error)}`),
        ),
    );
    this.#hosts = hosts;
    this.#application = new Application(script, random, hosts, note);
    this.#expectations = this.#application.expectations;
  }

  /** Plays the whole script. */
  async play(): Promise<void> {
    for (const step of this.#script.steps) {
      await this.#perform(step);
      this.#mustBeClean();
    }
  }

  /** From here on nothing goes wrong. Checks what the head of targets/application.ts says, then closes. */
  async end(): Promise<void> {
    this.transcript.push('from here on the world is good');
    this.#application.isCalm = true;
    this.#hosts.recover();
    await this.#come();
    this.#checkStats();
    if (!this.#expectations.isMisled) await this.#checkMessages();
    await this.#close();
  }

  /** Waits until every promise has settled, every message is through, and the client is connected and at rest. */
  async #come(): Promise<void> {
    const application = this.#application;
    for (let seconds = 0; this.#isBusy() || seconds < calm; seconds++) {
      must(
        seconds < patience,
        () => `never through: ${application.pending('without loops')}, ${this.#state()}`,
      );
      const { type } = application.client.status;
      if (type === 'closed' || type === 'idle') application.connect();
      await this.#wait(1_000);
    }
    await this.#wait(rest);
    must(
      application.client.status.type === 'connected',
      () => `not connected in a good world: ${this.#state()}`,
    );
  }

  #checkStats(): void {
    const { inFlight, queued, queuedBytes, unacknowledged } = this.#application.client.stats;
    must(inFlight + queued + queuedBytes === 0, () => `all has settled, yet ${this.#state()}`);
    // What the server has forgotten it never sends again, and MQTT 3.1 does not tell that it has.
    const isForgotten = this.#expectations.isMisled;
    must(isForgotten || unacknowledged === 0, () => `all was taken, yet ${this.#state()}`);
  }

  async #checkMessages(): Promise<void> {
    this.#expectations.checkPublished();
    const { clean, steps } = this.#script;
    // A server keeps a filter that it granted, though the answer was lost, when it refuses the same one later.
    const mayRefuse = steps.some((step) => step.do === 'plan' && step.plan.refuseSubscribe !== undefined);
    const isExact = (clean || !this.#application.wasClosed) && !mayRefuse;
    this.#expectations.checkSubscriptions(this.#hosts.subscriptions, isExact);
    await this.#probe();
    this.#expectations.checkWitnessed();
  }

  /** A message of each QoS to each topic. */
  async #probe(): Promise<void> {
    const probes = new Map<string, { topic: string; qos: Qos }>();
    for (const topic of topics) {
      for (const qos of [0, 1, 2] as const) probes.set(`probe-${topic}-${qos}`, { topic, qos });
    }
    for (const [text, { topic, qos }] of probes) this.#hosts.publish(text, topic, qos);
    await this.#wait(probing);
    this.#expectations.checkProbes(probes);
  }

  /** Nothing is left behind. */
  async #close(): Promise<void> {
    const application = this.#application;
    application.close(false, 100);
    await this.#wait(20_000);
    must(
      application.pending('with loops').length === 0,
      () => `pending after close(): ${application.pending('with loops')}`,
    );
    must(application.client.status.type === 'closed', () => `closed, yet ${this.#state()}`);
    must(!this.#hosts.hasOpenLink, 'closed, yet a connection is open');
    this.#hosts.stop();
    await this.#wait(afterlife);
    must(this.#time.pending === 0, () => `closed, yet ${this.#time.pending} timers are set`);
  }

  async #perform(step: Step): Promise<void> {
    const hosts = this.#hosts;
    switch (step.do) {
      case 'wait':
        await this.#wait(step.milliseconds);
        return;
      case 'witness':
        return this.#witness(step.topic, step.qos);
      case 'cut':
        this.#note(step);
        return hosts.cut(step);
      case 'forget':
        this.#note(step);
        this.#expectations.era += 1;
        return hosts.forget();
      case 'restart':
        this.#note(step);
        return hosts.restart();
      case 'host':
        this.#note(step);
        return hosts.setMode(step.host, step.mode);
      case 'plan':
        this.#note(step);
        return hosts.plan(step.host, step.plan, step.count);
      case 'dismiss':
        this.#note(step);
        return hosts.dismiss(step.reasonCode, step.reference);
      case 'release':
        return hosts.release(step.order);
      default:
        return this.#application.perform(step);
    }
  }

  #witness(topic: string, qos: Qos): void {
    const { witnessed, era } = this.#expectations;
    const text = `down-${witnessed.size + 1}`;
    this.transcript.push(`somebody publishes ${text} to ${topic} at QoS ${qos}`);
    const held = this.#hosts.subscriptions;
    witnessed.set(text, { topic, qos, at: performance.now(), era, held });
    this.#hosts.publish(text, topic, qos);
  }

  async #wait(milliseconds: number): Promise<void> {
    await settled();
    await this.#time.advance(milliseconds);
    this.#mustBeClean();
  }

  /** Also what nobody waits for any more may take a while: many messages that the server cannot stand. */
  #isBusy(): boolean {
    const { inFlight, queued } = this.#application.client.stats;
    return this.#application.pending('without loops').length + inFlight + queued > 0;
  }

  #state(): string {
    const { status, stats } = this.#application.client;
    return `status ${status.type}, ${JSON.stringify(stats)}`;
  }

  #note(step: Step): void {
    this.transcript.push(JSON.stringify(step));
  }

  /** Brings up what went wrong in callbacks. */
  #mustBeClean(): void {
    const [violation] = this.#application.violations;
    if (violation !== undefined) throw violation;
  }
}
