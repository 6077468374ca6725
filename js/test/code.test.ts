import { describe, expect, test } from "vitest";
import { codeLines, codeOf, Comparison } from "../src/lab/code";

describe("the code of a line", () => {
  test.each([
    ["x = 1  # why", "x = 1"],
    ["x = '#'  # why # not", "x = '#'"],
    ['x = "\\"#"', 'x = "\\"#"'],
    ["x = r'\\' # no end", "x = r'\\' # no end"], // the quote is escaped in a raw string too
    ["# only", ""],
    ["x = 1   ", "x = 1"],
    ["x = f'{a}'#", "x = f'{a}'"],
    ["%%convshapes --quiet", ""],
  ])("%s", (line, code) => expect(codeOf(line)).toEqual([code]));

  test("in a string over several lines there is no comment", () => {
    const text = 'x = """\n# not one\n"""  # one\n\'\'\'#\n#\'\'\'';
    expect(codeLines(text).map(({ comment }) => comment)).toEqual([null, null, 5, null, null]);
  });

  test("a string that does not end takes the line, three quotes the rest", () => {
    expect(codeOf('x = "# a\ny = 1 # b')).toEqual(['x = "# a', "y = 1"]);
    expect(codeOf('x = """# a\ny = 1 # b')).toEqual(['x = """# a', "y = 1 # b"]);
  });
});

describe("a statement of several lines", () => {
  const executed = codeOf("x = 1\nmodel = Sequential([\n    Conv2D(3, 3),\n    Flatten(),\n])\ny = 2");
  const statement = { from: 2, line: 5 };
  const of = (text: string, now: number) => new Comparison(executed, text).of(statement, now);

  test("is stale when one of its lines changes", () => {
    expect(of("x = 1\nmodel = Sequential([\n    Conv2D(3, 3),\n    Flatten(),\n])\ny = 2", 5)).toBe("fresh");
    expect(of("x = 1\nmodel = Sequential([\n    Conv2D(3, 5),\n    Flatten(),\n])\ny = 2", 5)).toBe("stale");
  });

  test("is not when a comment or a blank line comes into it", () => {
    expect(of("x = 1\nmodel = Sequential([\n    Conv2D(3, 3),  # why\n\n    # then\n    Flatten(),\n])\ny = 2", 7)).toBe("fresh");
  });

  test("is suspect below a change", () => {
    expect(of("x = 3\nmodel = Sequential([\n    Conv2D(3, 3),\n    Flatten(),\n])\ny = 2", 5)).toBe("suspect");
  });
});
