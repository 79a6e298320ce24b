/** Expressions, each the condition of a policy: every operator and function, where it holds, where it does not and where it fails. */
export const expressions: readonly string[] = String.raw`
true
false
1
"x"
!true
!false
!1
true && true
true && false
false && 1
true && 1
1 && true
false || true
false || false
true || 1
false || 1
1 || true
if true then true else 1
if false then 1 else true
if 1 then true else false
if true then 1 else true
1 == 1
1 == true
1 != "a"
"a" == "a"
[1] == [1, 1]
[1, 2] == [2, 1]
[] == {}
{a: 1} == {"a": 1}
{a: 1} == {a: 1, b: 2}
{a: [1, {b: "c"}]} == {a: [{b: "c"}, 1]}
principal == user::"a"
principal == user::"b"
principal != resource
1 < 2
2 < 1
2 <= 2
3 > 2
2 >= 3
1 < "b"
"a" < "b"
true < false
decimal("1.0") < decimal("2.0")
duration("1h") < duration("61m")
duration("1h") < 5
duration("1h") < datetime("2024-01-01")
datetime("2024-01-01") >= datetime("2023-12-31")
1 + 2 == 3
1 - 2 == -1
2 * 3 == 6
1 + "a" == 1
9223372036854775807 == 9223372036854775807
9223372036854775807 == 9223372036854775806
-9223372036854775808 == -9223372036854775807 - 1
9007199254740993 == 9007199254740992
9007199254740993 > 9007199254740992
9007199254740991 + 2 == 9007199254740993
3037000500 * 3037000500 == 1
3037000499 * 3037000499 == 9223372030926249001
9223372036854775807 + 1 == 1
9223372036854775807 * 2 == 1
-9223372036854775808 - 1 == 1
-(-9223372036854775808) == 1
- -9223372036854775808 == 1
-(-3) == 3
- - 3 == 3
-"a" == 1
0 * -5 == 0
{"0": 0 * -5} == {"0": 0}
[0 * -5].contains(0)
principal in user::"a"
principal in team::"t"
principal in role::"ops"
principal in role::"other"
principal in team::"other"
resource in folder::"top"
resource in team::"t"
principal in [team::"other", team::"t"]
principal in []
principal in [team::"t", 1]
principal in [1]
principal in 1
1 in principal
team::"t" in team::"t"
team::"t" in folder::"top"
action in Action::"read"
action in [Action::"write"]
action == Action::"read"
action has x
action.x == 1
principal has s
principal has nothing
principal has nil
principal has half
principal has "x y"
principal has labels.env
principal has rec.deep.er
principal has rec.deep.er.more
principal has s.more
principal has nothing.more
user::"zz" has s
1 has s
{a: 1} has a
{a: 1} has b
{a: 1}.b == 1
{a: {b: 1}}.a.b == 1
{a: {b: 1}} has a.b
{a: {b: 1}} has a.b.c
{a: {b: 1}} has a.c.d
principal.s == "text"
principal.nothing == 1
principal["x y"] == 1
principal.s.more == 1
user::"zz".s == 1
user::"a".s == "text"
principal.id == "a"
principal.type == "user"
resource.type == "doc"
principal.labels.env == "prod"
resource.labels == {}
resource.owner == user::"a"
resource.owner.s == "text"
principal has owner
principal.tags.contains("a")
principal.tags.contains(1)
principal.tags == ["b", 1, "a"]
principal.__entity == 1
principal has __entity
context has now
context.now == datetime("2026-11-22T09:30:00Z")
context.now > datetime("2026-01-01")
context.action.name == "read"
context.action.soft == true
context.n == 5
context == {}
context.big == 1
"abc" like "a*"
"abc" like "*b*"
"abc" like "*c*b*"
"abc" like "abc"
"abc" like "ab"
"aa" like "aa*a"
"" like "*"
"a" like ""
"a*c" like "a\*c"
"abc" like "a\*c"
"\u{1F600}" like "*"
1 like "a"
principal is user
principal is team
principal is user in team::"t"
principal is user in team::"other"
principal is team in 5
principal is user in 5
principal is user in [team::"t"]
1 is user
[1, 2].contains(1)
[1, 2].contains("1")
[1, "1"].contains("1")
[[1], [1]].contains([1, 1])
[{a: 1}].contains({a: 1})
1.contains(1)
[1, 2].containsAll([1])
[1].containsAll([1, 2])
[].containsAll([])
[1].containsAll(1)
[1, 2].containsAny([2, 3])
[1, 2].containsAny([])
[1].containsAny(1)
[].isEmpty()
[1].isEmpty()
1.isEmpty()
principal.hasTag("a")
principal.hasTag(1)
1.hasTag("a")
principal.getTag("a") == 1
ip("10.0.0.1").isIpv4()
ip("10.0.0.1").isIpv6()
ip("::1").isIpv6()
ip("127.0.0.1").isLoopback()
ip("127.0.0.1/8").isLoopback()
ip("127.0.0.1/7").isLoopback()
ip("::1").isLoopback()
ip("::1/64").isLoopback()
ip("224.0.0.1").isMulticast()
ip("224.0.0.1/3").isMulticast()
ip("ff00::1").isMulticast()
ip("10.0.0.1").isInRange(ip("10.0.0.0/8"))
ip("11.0.0.1").isInRange(ip("10.0.0.0/8"))
ip("10.0.0.0/7").isInRange(ip("10.0.0.0/8"))
ip("10.0.0.1").isInRange(ip("::/0"))
ip("2001:db8::1").isInRange(ip("2001:db8::/47"))
ip("10.0.0.1").isInRange("10.0.0.0/8")
"10.0.0.1".isIpv4()
ip("127.0.0.1") == ip("127.0.0.1/32")
ip("10.0.0.1/24") == ip("10.0.0.0/24")
ip("ABCD::1") == ip("abcd:0::1")
ip("::ffff:1.2.3.4").isIpv6()
ip("1:2:3:4:5:6:7::").isIpv6()
ip("1:2:3:4:5:6:7:8::").isIpv6()
ip("010.0.0.1").isIpv4()
ip("10.0.0.1/08").isIpv4()
ip("x") == 1
ip(1) == 1
ip(context.ip).isLoopback()
decimal("1.5") == decimal("1.50")
decimal("-0.5").lessThan(decimal("0.0"))
decimal("1.0").lessThanOrEqual(decimal("1.0"))
decimal("1.1").greaterThan(decimal("1.0"))
decimal("1.0").greaterThanOrEqual(decimal("1.1"))
decimal("1.0").lessThan(1)
decimal("922337203685477.5807").greaterThan(decimal("0.0"))
decimal("-922337203685477.5808").lessThan(decimal("0.0"))
decimal("922337203685477.5808").greaterThan(decimal("0.0"))
decimal("1.23456") == 1
decimal("1") == 1
datetime("2024-01-01") == datetime("2024-01-01T00:00:00Z")
datetime("2024-02-30") == 1
datetime("0000-02-29") < datetime("0001-01-01")
datetime("2024-01-01T00:00:00+0100") == datetime("2023-12-31T23:00:00.000Z")
datetime("2024-01-01").offset(duration("1d")) == datetime("2024-01-02")
datetime("2024-01-01").offset(1) == 1
datetime("9999-12-31").offset(duration("9223372036854775807ms")) == 1
datetime("2024-01-02").durationSince(datetime("2024-01-01")) == duration("24h")
datetime("1969-12-31T23:59:59.999Z").toDate() == datetime("1969-12-31")
datetime("1969-12-31T23:59:59.999Z").toTime() == duration("86399999ms")
datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() == 1
datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toTime() == duration("60928192ms")
true.toDate() == 1
duration("1d1h1m1s1ms").toMilliseconds() == 90061001
duration("-1500ms").toSeconds() == -1
duration("119s").toMinutes() == 1
duration("119m").toHours() == 1
duration("47h").toDays() == 1
duration("9223372036854775807ms").toSeconds() == 9223372036854775
duration("9223372036854775808ms") == 1
duration("-9223372036854775808ms") < duration("0ms")
duration("1m1h") == 1
1.toDays() == 1
`
  .trim()
  .split('\n');
