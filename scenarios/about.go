package scenarios

import "reflect"

// explained is a mapping of the file format that says what its keys mean, for the reference and for editors.
type explained interface{ about() map[string]string }

// aboutKey is what a key of a struct type means.
func aboutKey(t reflect.Type, key string) string {
	if e, ok := reflect.Zero(t).Interface().(explained); ok {
		return e.about()[key]
	}
	return ""
}

func (Scenario) about() map[string]string {
	return map[string]string{
		"version":   "Version of the file format: 1.",
		"name":      "Names the run and its folder. Letters, digits, - and _.",
		"about":     "What the scenario is there to find out, in a sentence or two.",
		"topics":    "The destinations, by name.",
		"producers": "Who sends, by name.",
		"consumers": "Who receives, by name. Each entry is a group: its consumers share one copy of the topic.",
		"phases":    "The stretches of the run, in order. Each is measured on its own.",
		"drain":     "How the run reads what is left once sending has ended.",
		"checks":    "The rules about messages, as names or as {name: parameters}.",
		"gates":     "Thresholds on measured figures, such as \"steady.end_to_end.p99 < 20ms\".",
		"options":   "Settings that only one broker has, by driver. Other drivers ignore them.",
	}
}

func (Topic) about() map[string]string {
	return map[string]string{
		"model": "A log keeps its messages and every group reads all; a queue has one copy for which consumers " +
			"compete; a broadcast reaches who listens now.",
		"shards": "Units of order: partitions, queues, subjects or stream keys.",
		"replicas": "Nodes that hold a copy. Where ordeal starts fewer nodes, but at least two, and the producers' guarantee holds with those, " +
			"each of them has one, and the run says so.",
	}
}

func (Drain) about() map[string]string {
	return map[string]string{
		"idle":    "How long nothing may come, after the broker says that all was read, before a group counts as done.",
		"timeout": "How long it may take in all. A drain that is not done by then leaves the run inconclusive.",
	}
}

func (Producer) about() map[string]string {
	return map[string]string{
		"to":      "The topic.",
		"count":   "Producers that share the rate, each with a connection and a window of its own.",
		"rate":    "Messages of the whole entry.",
		"arrival": "How messages are spread in time: evenly, or as many independent clients would send them.",
		"size":    "Bytes of a body: one size, or a range to draw from evenly.",
		"keys":    "Keys of messages; without them messages have none and go round the shards.",
		"guarantee": "What an ack must mean: sent to the network, accepted by one node, replicated on a majority, durable " +
			"on the disks of a majority.",
		"window": "How many messages of one producer may be without a receipt.",
		"retry": "What happens to a send that was not acked: nothing, the client library's own retries, or this many " +
			"attempts in all.",
		"tick": "How often at most a producer sends what is due, up to 100ms. A coarse tick saves processor time and makes " +
			"messages later, by half a tick on average, which counts as latency and is shown as lag. 0s is 200µs, or each " +
			"message on its own where all producers together send at most 5000 a second.",
	}
}

func (Keys) about() map[string]string {
	return map[string]string{
		"count": "How many different keys there are.",
		"pick":  "How a message gets its key: each as likely as the others, or few of them often as real traffic has it.",
	}
}

func (Consumer) about() map[string]string {
	return map[string]string{
		"from":  "The topic.",
		"count": "Consumers of the group.",
		"ack": "When a message is acknowledged: before its work (at most once), after it (at least once), or after " +
			"the work of a batch.",
		"prefetch": "How many deliveries one consumer may hold without having acknowledged them.",
		"work":     "What a consumer does with a message.",
	}
}

func (Work) about() map[string]string {
	return map[string]string{
		"time": "How long one message keeps a consumer busy.",
	}
}

func (Phase) about() map[string]string {
	return map[string]string{
		"name":   "Names it in reports and gates. Letters, digits, - and _.",
		"for":    "How long it takes.",
		"record": "Whether it is measured. Checks hold in every phase.",
		"faults": "What goes wrong in it.",
	}
}

func (Fault) about() map[string]string {
	return map[string]string{
		"kind": "What is done; see docs/faults.md for the kinds and their own options, which stand beside these keys.",
		"target": "For nodes: a name, any, all, leader(topic), follower(topic). For connections: all, producers, " +
			"consumers, the name of an entry or of one of its members (checkout-2), node(n1).",
		"at":  "When it begins, from the start of its phase.",
		"for": "How long it lasts. It may reach into later phases, but not beyond the last.",
	}
}

func (ramp) about() map[string]string {
	return map[string]string{
		"from": "Rate at the beginning.",
		"to":   "Rate at the end, which holds on.",
		"over": "How long the way takes.",
	}
}

func (steps) about() map[string]string {
	return map[string]string{
		"steps": "Rates one after the other; the last holds on.",
	}
}

func (step) about() map[string]string {
	return map[string]string{
		"rate": "Rate of the step.",
		"for":  "How long it holds.",
	}
}

func (attempts) about() map[string]string {
	return map[string]string{
		"attempts": "How often a message is sent in all, until it is acked.",
	}
}

func (batch) about() map[string]string {
	return map[string]string{
		"batch": "How many deliveries are acknowledged together, after their work.",
	}
}
