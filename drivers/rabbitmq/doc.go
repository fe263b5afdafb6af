// Package rabbitmq is the way to RabbitMQ 3.10 and later, over AMQP 0-9-1.
//
// How topics look on the broker, for a topic T with shards 0 to n-1:
//
//	queue      queues T.0 … T.n-1, published to by the default exchange; every consumer of the group reads all of them
//	log        exchange T (direct), and for each group G queues T.G.0 … T.G.n-1 bound to it: a group keeps what it has not acknowledged,
//	           not what it has. Groups have to be known before the first message
//	log        with options.rabbitmq.queue_type stream: exchange T (direct), and streams T.0 … T.n-1 bound to it, which all groups read
//	broadcast  exchange T, and one queue T.G for each group, which is there while a consumer listens
//
// Beside them are queues T.shape and T.G.shape that never hold a message. Their limits say what T was declared as, so that the broker
// itself refuses to declare it as something else.
//
// A stream keeps its messages whoever has read them. A shard of it is read by one member of a group at a time. The broker keeps no places
// for readers by AMQP 0-9-1: the driver does, in memory, for all of its sessions. A member that reconnects, or takes a shard over, goes on
// after what the group has acknowledged; another process would begin with the oldest message.
//
// The client library makes the connection, keeps it alive, and opens, declares and closes. What happens for every message does not pass
// through it, because it costs there a write call and thirty allocations a message: see line. Nor does a consumer wait for it that has the
// connection to itself: see intake. A connection never comes back by itself.
//
// A send is acked by the publisher confirm, rejected when the broker returned it as unroutable before it confirmed it (which it does
// for a moment after a restart), and unknown when the channel or the connection is gone. A message over the broker's max_message_size ends
// its channel; it is rejected, for the broker names its size, and what else was in flight is unknown. A broker that does not confirm for
// confirm_timeout may never do so on this channel, so that the producer ends then; and so it does when a channel brings nothing but nacks
// for a second. The engine opens another, and counts it.
//
// AMQP counts the messages that wait in a queue and not those that are on their way to a consumer or at it. These are in the statistics
// of the management plugin, which is asked on the port 10,000 above the one for AMQP unless options.rabbitmq.management says otherwise.
// Depth adds both. Without the plugin Depth is what waits, as long as the queue has no more consumers than the group has members:
// then what is out is with members that are alive, who have seen it or are about to, and a drain that waits a moment has read
// everything. With more consumers than members, a lost one may still hold messages, and Depth is an error until the broker misses it.
package rabbitmq
