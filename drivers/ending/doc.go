// Package ending says, for all drivers alike, how what a client has begun comes to its end: a call with its context, a part with its
// session, a send with its receipt. It is the half of the contract in package drivers that has nothing to do with any broker.
//
// What a driver puts before it, such as the wording of an error, and what it does when the end has come stay with the driver.
package ending
