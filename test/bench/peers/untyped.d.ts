/** What the benches use of peers that bring no types. */

declare module 'u8-mqtt' {
  interface U8Client {
    on_live: Promise<unknown>;
    with_websock(url: string): U8Client;
    with_tcp(url: string): U8Client;
    connect(packet: { client_id: string }): Promise<unknown>;
    publish(packet: { topic: string; payload: Uint8Array; qos: number }): Promise<unknown>;
    subscribe_topic(
      topic: string,
      options: { qos: number },
      handler: (packet: { payload: Uint8Array }) => void,
    ): U8Client;
    disconnect(): Promise<unknown>;
  }
  export function mqtt_v4(): U8Client;
}

declare module 'paho-mqtt' {
  namespace Paho {
    interface Message {
      destinationName: string;
      payloadBytes: Uint8Array;
    }
    class Client {
      constructor(url: string, clientId: string);
      onMessageArrived: (message: Message) => void;
      onMessageDelivered: (message: Message) => void;
      connect(options: {
        onSuccess: () => void;
        onFailure: (failure: { errorMessage: string }) => void;
      }): void;
      send(topic: string, payload: Uint8Array, qos: number, retained: boolean): void;
      subscribe(
        topic: string,
        options: { qos: number; onSuccess: () => void; onFailure: (failure: unknown) => void },
      ): void;
      disconnect(): void;
    }
  }
  export default Paho;
}

declare module 'qlobber' {
  export class Qlobber<Value> {
    constructor(options: { separator: string; wildcard_one: string; wildcard_some: string });
    add(topic: string, value: Value): this;
    match(topic: string): Value[];
  }
}
