// Package socket makes the system calls of a TCP connection cheap for a process that is idle most of the time.
//
// A Go program that reads a socket by way of package syscall tells the scheduler that it may block, and the first such call after all
// processors were idle wakes the runtime's monitor thread (entersyscallWakeSysmon in runtime/proc.go), which finds nothing to do, sleeps
// for 20 µs, and goes back to sleep. At thousands of small batches a second that is a third of all context switches of a load generator,
// on processors that it shares with the broker it measures. The sockets of package net never block, so on Linux the calls are made
// directly, and waiting is left to the runtime's poller as ever. A Coalescer lends such connections, and can have what arrives on them wake
// the process less often.
package socket
