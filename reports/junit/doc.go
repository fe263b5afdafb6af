// Package junit renders a run as JUnit XML, which every CI system shows as tests: one test case for each check, gate and fault, and one
// for the load generator. What failed is a failure; what is inconclusive is an error and never a pass or a skip. A suite without defects
// is a run that passed, and the other way round.
//
// Elements and attributes are those of Apache Ant's schema (JUnit.xsd of windyroad/JUnit-Schema), the strictest of those in use.
//
//	err := junit.Renderer{}.Render(file, run)
package junit
