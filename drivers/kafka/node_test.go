package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Brokers are nodes by their addresses, whatever their numbers.
func TestNodeNames(t *testing.T) {
	brokers := func(ids ...int32) (out kadm.BrokerDetails) {
		for _, id := range ids {
			out = append(out, kadm.BrokerDetail{NodeID: id, Host: "host", Port: 9000 + id})
		}
		return out
	}
	tests := []struct {
		id      int32
		brokers kadm.BrokerDetails
		servers []string
		want    string
	}{
		{2, brokers(1, 2, 3), []string{"host:9001", "host:9002", "host:9003"}, "n2"},
		{2, brokers(1, 3), []string{"host:9001", "host:9002", "host:9003"}, "n2"}, // down
		{1, brokers(1, 2, 3), []string{"host:9003", "host:9002", "host:9001"}, "n3"},
		{101, brokers(101, 102), []string{"host:9101", "host:9102"}, "n1"},
		{103, brokers(101, 102), []string{"host:9101", "host:9102", "host:9103"}, "broker 103"},
		{1, brokers(2, 3), []string{"host:9003", "host:9002", "host:9001"}, "broker 1"}, // down: n1 would be another
		{2, brokers(1, 2, 3), []string{"elsewhere:1", "elsewhere:2", "elsewhere:3"}, "host:9002"},
		{2, brokers(1, 3), []string{"elsewhere:1", "elsewhere:2", "elsewhere:3"}, "broker 2"}, // down
		{7, brokers(7), []string{"elsewhere:1"}, "n1"},
	}
	for _, test := range tests {
		if got := node(test.id, test.brokers, test.servers); got != test.want {
			t.Errorf("broker %d of %v among %v is %s, expected %s", test.id, test.brokers, test.servers, got, test.want)
		}
	}
}
