/** An application as a user would write it: it must compile wherever the package's declarations must. */

import { type Client, type ClientOptions, connect, createClient, type Message, MqttError } from 'mqtide';
import { Decoder, type Packet } from 'mqtide/codec';

export async function application(): Promise<void> {
  const client: Client = await connect('wss://broker.example/mqtt');
  void client;
}
