/**
 * What every page of these tests does: connect, subscribe, publish, receive. The address of the broker is the
 * page's query string; the title says when it is over, the body what came.
 */
export async function roundTrip(connect) {
  try {
    const client = await connect(decodeURIComponent(location.search.slice(1)));
    const received = new Promise((resolve, reject) => {
      client.subscribe('rooms/+room/greeting', { qos: 1 }, resolve).then(() => {
        client.publish('rooms/kitchen/greeting', 'hello', { qos: 1 }).catch(reject);
      }, reject);
    });
    const message = await received;
    document.body.textContent = `${message.params.room} ${message.text()}`;
    await client.close();
    document.title = 'done';
  } catch (error) {
    document.body.textContent = `${error.name} ${error.message}`;
    document.title = 'failed';
  }
}
