package cluster

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// kafkaConf is the configuration of one node, which is broker and controller in one. Ports are of 127.0.0.1. Brokers talk to each other
// on a listener of their own, so that faults can tell replication from clients.
type kafkaConf struct {
	id                              int
	client, replication, controller int
	store                           string
	// controllers are the ports of all nodes' controllers, that of n1 first.
	controllers []int
	settings    map[string]string
}

// own are the settings that decide what ordeal relies upon.
func (c kafkaConf) own() [][2]string {
	voters := make([]string, len(c.controllers))
	for i, port := range c.controllers {
		voters[i] = fmt.Sprintf("%d@%s", i+1, loopback(port))
	}
	brokers := fmt.Sprintf("CLIENT://%s,REPLICATION://%s", loopback(c.client), loopback(c.replication))
	return [][2]string{
		{"process.roles", "broker,controller"},
		{"node.id", strconv.Itoa(c.id)},
		{"controller.quorum.voters", strings.Join(voters, ",")},
		{"listeners", brokers + ",CONTROLLER://" + loopback(c.controller)},
		{"advertised.listeners", brokers},
		{"listener.security.protocol.map", "CLIENT:PLAINTEXT,REPLICATION:PLAINTEXT,CONTROLLER:PLAINTEXT"},
		{"inter.broker.listener.name", "REPLICATION"},
		{"controller.listener.names", "CONTROLLER"},
		{"log.dirs", c.store},
	}
}

// quick are defaults for a cluster that lives for minutes on one machine. A scenario may set each of them otherwise.
//
// The session of a broker is what decides when a killed node is missed and when it may come back: Kafka's default of 9 s is kept out of
// drills of seconds. The lower bound of a member's session lets a scenario choose how soon a killed consumer is missed.
func (c kafkaConf) quick() map[string]string {
	n := len(c.controllers)
	copies, least := strconv.Itoa(min(3, n)), strconv.Itoa(min(2, n))
	return map[string]string{
		"offsets.topic.replication.factor":                 copies,
		"offsets.topic.num.partitions":                     "1",
		"transaction.state.log.replication.factor":         copies,
		"transaction.state.log.min.isr":                    least,
		"transaction.state.log.num.partitions":             "1",
		"share.coordinator.state.topic.replication.factor": copies,
		"share.coordinator.state.topic.min.isr":            least,
		"share.coordinator.state.topic.num.partitions":     "1",
		"group.initial.rebalance.delay.ms":                 "0",
		"group.min.session.timeout.ms":                     "500",
		"group.consumer.min.session.timeout.ms":            "500",
		"group.consumer.min.heartbeat.interval.ms":         "100",
		"group.consumer.session.timeout.ms":                "1500",
		"group.consumer.heartbeat.interval.ms":             "300",
		"broker.session.timeout.ms":                        "2000",
		"broker.heartbeat.interval.ms":                     "300",
		"controller.quorum.election.timeout.ms":            "300",
		"controller.quorum.fetch.timeout.ms":               "1000",
		"controller.quorum.election.backoff.max.ms":        "200",
		"replica.fetch.backoff.ms":                         "50",
		"auto.create.topics.enable":                        "false",
		"num.network.threads":                              "2",
		"num.io.threads":                                   "2",
		"log.cleaner.dedupe.buffer.size":                   "2097152", // the default is a good part of the heap
	}
}

// text is the whole server.properties. What is set wrongly is told at once.
func (c kafkaConf) text() (string, error) {
	own := c.own()
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		if slices.ContainsFunc(own, func(o [2]string) bool { return o[0] == name }) || name == "log.dir" {
			wrong = append(wrong, name+": ordeal sets this one itself")
		}
		if name == "" || strings.ContainsAny(name, " \t\r\n=:#!\\") || strings.ContainsAny(c.settings[name], "\r\n\\") {
			wrong = append(wrong, fmt.Sprintf("%q: not a setting of a Kafka broker; expected a name such as log.flush.interval.messages", name))
		}
	}
	if len(wrong) > 0 {
		return "", fmt.Errorf("options.kafka.server: %s", strings.Join(wrong, "; "))
	}
	rest := c.quick()
	maps.Copy(rest, c.settings)
	var b strings.Builder
	for _, o := range own {
		fmt.Fprintf(&b, "%s=%s\n", o[0], o[1])
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		fmt.Fprintf(&b, "%s=%s\n", name, rest[name])
	}
	return b.String(), nil
}

func (c kafkaConf) write(path string) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
