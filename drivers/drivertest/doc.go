// Package drivertest tells whether a driver keeps the contract of package drivers, against a real broker.
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, drivertest.Harness{
//			New:    func(t *testing.T) (drivers.Driver, drivers.Config) { return mine.New(), drivers.Config{Servers: servers} },
//			Models: []drivers.Model{drivers.Log, drivers.Queue},
//		})
//	}
//
// Every subtest declares a topic of its own and deletes it, checks that each message was settled once and by one goroutine at a time,
// and that no goroutine is left. The suite proves itself against drivers that break the contract in one way each; see its own tests.
//
// A driver's other tests open their sessions with Open, or lend them what Env makes.
package drivertest
