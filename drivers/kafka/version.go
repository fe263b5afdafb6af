package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// request is a kind of request with the version from which on this driver can work with it.
type request struct {
	key, least int16
	// since is the release of Kafka that brought it, and what it is needed for.
	since string
}

// needed are the requests that a broker must know: https://kafka.apache.org/protocol#protocol_api_keys. What else the driver uses came
// earlier. The oldest broker that knows them all is Kafka 1.1, 2.3 where members have names, and 3.0 with transactions.
func needed(set settings) []request {
	all := []request{
		{key: keyProduce, least: 3, since: "Kafka 0.11: batches with headers and numbers"},
		{key: keyFetch, least: 4, since: "Kafka 0.11: to read what was committed"},
		{key: int16(kmsg.OffsetForLeaderEpoch), least: 0, since: "Kafka 0.11: to find out what an election has lost"},
		{key: int16(kmsg.InitProducerID), least: 0, since: "Kafka 0.11: to number messages"},
		{key: int16(kmsg.DescribeConfigs), least: 0, since: "Kafka 0.11: to audit settings"},
		{key: int16(kmsg.DeleteGroups), least: 0, since: "Kafka 1.1: to clean up"},
	}
	if set.transactions {
		all = append(all, request{
			key: int16(kmsg.DescribeTransactions), least: 0,
			since: "Kafka 3.0: to see the end of a transaction, else options.kafka.transactions: false",
		})
	}
	switch {
	case set.balancer == balancerBroker:
		all = append(all, request{key: keyConsumerGroupHeartbeat, least: 0, since: "Kafka 4.0: options.kafka.balancer: broker"})
	case set.static:
		all = append(all, request{key: keyJoinGroup, least: 5, since: "Kafka 2.3: members with names, else options.kafka.static_members: false"})
	}
	return all
}

// modern refuses a broker that is too old, by the first request that it does not know well enough.
func (c *client) modern(ctx context.Context, set settings) error {
	answer, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, c.Client)
	if err != nil {
		return err
	}
	offers := make(map[int16]int16)
	for _, k := range answer.ApiKeys {
		offers[k.ApiKey] = k.MaxVersion
	}
	for _, n := range needed(set) {
		if most, ok := offers[n.key]; !ok || most < n.least {
			return fmt.Errorf("the broker is too old, by its requests %s: it does not know %s version %d (since %s): use a newer one",
				kversion.FromApiVersionsResponse(answer).VersionGuess(), kmsg.Key(n.key).Name(), n.least, n.since)
		}
	}
	return nil
}
