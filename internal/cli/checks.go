package cli

import (
	"ordeal/drivers"
	"ordeal/scenarios"
)

// checkDecls declares the checks for scenarios and docs; judge.Checks holds the rules themselves.
func checkDecls() []scenarios.CheckDecl {
	return []scenarios.CheckDecl{
		{
			Name:      "no-loss",
			Guarantee: "Every acknowledged message reaches every group that was owed it.",
			Fails:     "An acked message was never delivered to a group of its topic, and the group was read to the broker's own end.",
			Inconclusive: "No message was acked, or messages are missing and the drain did not reach the broker's own end: " +
				"they are unseen, not lost.",
		},
		{
			Name:         "no-phantom",
			Guarantee:    "Nothing is delivered that was not sent, or that was refused.",
			Fails:        "A delivery was never attempted, belongs to another run or topic, or its send was rejected.",
			Inconclusive: "Nothing was delivered.",
		},
		{
			Name:         "no-corruption",
			Guarantee:    "Every delivery is bit for bit what was sent.",
			Fails:        "The checksum or the length of a delivery's body is wrong.",
			Inconclusive: "Nothing was delivered.",
		},
		{
			Name:         "duplicates",
			Guarantee:    "No more than max deliveries bring a message to a group again.",
			Fails:        "More deliveries than max were repeated, whatever the reason; the counts tell the reasons apart.",
			Inconclusive: "Nothing was delivered.",
			Params: []drivers.Option{
				{Name: "max", Kind: drivers.KindInt, Default: "0", About: "How many repeated deliveries are allowed in the whole run, of all groups."},
			},
			Bare: "max",
		},
		{
			Name:         "order",
			Guarantee:    "First deliveries come in the order in which their producer sent them, per shard or per key.",
			Fails:        "A message was first delivered after a younger one of the same producer, incarnation and shard or key, unflagged.",
			Inconclusive: "No two first deliveries could be compared, or per-key was asked for and the messages have no keys.",
			Params: []drivers.Option{
				{
					Name: "scope", Kind: drivers.KindEnum, Values: []string{"per-shard", "per-key"}, Default: "per-shard",
					About: "Whether the messages of a shard or of a key are compared.",
				},
			},
			Bare: "scope",
		},
	}
}
