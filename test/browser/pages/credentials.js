/**
 * Connects as a device of Alibaba Cloud, and again after the device's clock jumped by an hour; then waits for a property
 * to be set. The address of the broker and the device are the page's query string; the title says when it is over, the
 * body how it connected and what was set. The client stays open: its answer to that is still to come.
 */
export async function connectAsDevice({ connect, aliyunIot, aliyunThing }) {
  try {
    const [url, device] = JSON.parse(decodeURIComponent(location.search.slice(1)));
    const client = await connect(url, {
      credentials: aliyunIot(device),
      reconnect: { minDelay: 0, maxDelay: 0 },
    });
    const lines = [client.clientId];
    const again = new Promise((resolve) => {
      client.on('connect', resolve);
    });
    const { now } = Date;
    Date.now = () => now() + 3_600_000;
    // The test cuts the connection then.
    await client.publish('jumped', '');
    await again;
    lines.push(client.clientId);
    await new Promise((resolve, reject) => {
      aliyunThing(client, device)
        .onPropertySet((properties) => resolve(lines.push(JSON.stringify(properties))))
        .then(() => client.publish('ready', ''), reject);
    });
    document.body.textContent = lines.join('\n');
    document.title = 'done';
  } catch (error) {
    document.body.textContent = `${error.name} ${error.message}`;
    document.title = 'failed';
  }
}
