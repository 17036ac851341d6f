/** The brokers of the matrix: what each takes, and how each says no to the rest. */

import type { ProtocolVersion } from '../../../src/message';
import { brokerKinds, type RunningBroker } from '../../support/broker-kinds';
import { findNats, howToGetNats, type Nats, startNats } from '../../support/nats-server';
import { findRabbitMq, howToGetRabbitMq, type RabbitMq, startRabbitMq } from '../../support/rabbitmq';
import { startAedes } from '../aedes';
import type { FeatureName, Place } from './features';
import { type Gap, gaps } from './gaps';

/** A broker of the matrix. */
export interface MatrixBroker {
  readonly name: string;
  /** Why it cannot be started here, and what to do about it. */
  readonly missing: string | undefined;
  /** Path of its WebSockets. */
  readonly path: string;
  /** What `protocolVersion: 'auto'` comes to. */
  readonly autoVersion: ProtocolVersion;
  /** What it does not have at a place; undefined where it has the feature. */
  gap(feature: FeatureName, place: Omit<Place, 'port' | 'path'>): Gap | undefined;
  start(): Promise<RunningBroker>;
}

const ofAllVersions = brokerKinds.map(
  (kind): MatrixBroker => ({
    name: kind.name,
    missing: kind.missing,
    path: '/mqtt',
    autoVersion: 5,
    gap: () => undefined,
    start: () => kind.start(),
  }),
);

const aedes: MatrixBroker = {
  name: 'aedes',
  missing: undefined,
  path: '/mqtt',
  autoVersion: 4,
  gap(feature, { protocolVersion }) {
    if (protocolVersion === 5) return gaps.connack1;
    if (feature === 'QoS 2 to QoS 1') return gaps.exceedsGranted;
    return feature === 'shared subscription' ? gaps.sharesLiterally : undefined;
  },
  start: startAedes,
};

const rabbitMq: MatrixBroker = {
  name: 'RabbitMQ',
  missing: findRabbitMq() === undefined ? howToGetRabbitMq : undefined,
  path: '/ws',
  autoVersion: 4,
  gap(feature, { protocolVersion, transport }) {
    if (protocolVersion === 5) return gaps.closes;
    if (feature === 'retained, by #') return gaps.retainsByTopic;
    if (feature === 'no will after close' && transport === 'WebSocket') return gaps.alwaysWill;
    if (publishesQos2(feature)) return gaps.answersPuback;
    if (feature === 'receive QoS 2') return gaps.grantsOne;
    return feature === 'shared subscription' ? gaps.sharesLiterally : undefined;
  },
  start: async () => running(await startRabbitMq()),
};

const nats: MatrixBroker = {
  name: 'NATS',
  missing: findNats() === undefined ? howToGetNats : undefined,
  path: '/mqtt',
  autoVersion: 4,
  gap(feature, { protocolVersion, transport }) {
    if (protocolVersion === 5) return gaps.connack1;
    if (protocolVersion === 3) return transport === 'TCP' ? gaps.closes : gaps.noSubprotocol;
    if (publishesQos2(feature)) return gaps.disconnects;
    if (feature === 'receive QoS 2') return gaps.grantsOne;
    if (feature === 'spaces in topics') return gaps.refusesSpaces;
    return feature === 'shared subscription' ? gaps.sharesLiterally : undefined;
  },
  start: async () => running(await startNats()),
};

/** What needs no more than a PUBLISH of QoS 2. */
function publishesQos2(feature: FeatureName): boolean {
  return feature === 'publish QoS 2' || feature === 'QoS 2 to QoS 1';
}

/** All of them, by the order of the table. */
export const matrixBrokers: readonly MatrixBroker[] = [...ofAllVersions, aedes, rabbitMq, nats];

function running({ port, wsPort, close }: Nats | RabbitMq): RunningBroker {
  return { port: (transport) => (transport === 'TCP' ? port : wsPort), close };
}
