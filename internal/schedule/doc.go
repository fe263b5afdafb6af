// Package schedule knows when each message must be sent, and wakes a producer at that time.
//
// The intended time of message i is a pure function of i, Cursor.At: no state of the run can move it. A producer that was held up sends
// what is due meanwhile in one batch, each message with its own intended time, so nothing is skipped and no lateness goes unmeasured
// (the error called coordinated omission). A Pacer waits until the next message is due:
//
//	cursor := schedule.Cursor()
//	for i := offset; ; {
//		now := clock.Now()
//		for ; cursor.At(i) <= now; i += stride {
//			batch = append(batch, message(cursor.At(i)))
//		}
//		send(batch)
//		if err := pacer.Wait(ctx, clock.Now(), cursor.At(i)); err != nil {
//			return err
//		}
//	}
package schedule
