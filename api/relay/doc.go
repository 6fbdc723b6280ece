// Package relay is the portal's end of the desktop agent: pairing codes, paired
// agents, and the jobs that a page starts and an agent carries out, each under a
// ticket the portal signed for exactly that operation.
//
// A job outlives its tickets. A ticket is signed when the agent takes the job and
// is good once for two minutes; an agent that was killed in the middle takes the
// same job again under a new one. What a job is for is not known here: packages
// with a stake in it register a [Handler] under a purpose.
//
// It refuses to hand a job to anybody but the agent it was made for, to answer
// about jobs and agents of another account, and to believe an outcome that the
// agent's key did not sign over the last ticket.
package relay
