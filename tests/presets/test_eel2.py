"""The instrument that judges JSFX files is judged here, by programs whose results the EEL2 and JSFX references state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eel2 import Eel2Error, Jsfx, Program


def value_of(code: str) -> float:
    return Program().compile(code)()


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("8 / 4 * 2", 4.0),
        ("2 * 9 / 3", 6.0),
        ("-2 ^ 2", 4.0),  # a sign binds tighter than a power
        ("2 ^ 3 ^ 2", 64.0),  # from left to right
        ("10 - 4 - 3", 3.0),
        ("10 - 4 + 3", 9.0),
        ("7 % 4", 3.0),
        ("1 << 4", 16.0),
        ("(7 & 5) + (8 | 1) + (6 ~ 3)", 5.0 + 9.0 + 5.0),
        ("0x10 + $x0F", 31.0),
        ("$pi", math.pi),
        (".5 + 1.", 1.5),
        ("1 + 2 == 3", 1.0),
        ("1 == 1.000001", 1.0),  # equal within 0.00001
        ("1 === 1.000001", 0.0),
        ("1 < 2 && 2 < 1", 0.0),
        ("!0.000001", 1.0),  # as good as 0
        ("0 ? 5 : 6", 6.0),
        ("0 ? 5", 0.0),
        ("1 ? (2; 3;) : 4", 3.0),
        ("min(3, 2) + max(3, 2) * 10", 32.0),
        ("pow(10, 2) + sqrt(16) + abs(-1) + floor(2.7)", 107.0),
        ("log10(1000) + log(exp(1)) + cos(0) + sin(0) + tan(0)", 5.0),
        ("if(0, 1, 2)", 2.0),
    ],
)
def test_expressions_have_the_values_that_the_reference_gives(code: str, value: float) -> None:
    assert value_of(code) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("x = 5; X", 5.0),  # names are not case-sensitive
        ("never_set", 0.0),
        ("x = y = 3; x + y", 6.0),
        ("x = 2; x *= 3; x += 1; x ^= 2; x", 49.0),
        ("a = 1 + (b = 4); a * b", 20.0),
        ("i = 0; loop(10, i += 2; ); i", 20.0),
        ("i = 0; while(i < 5) ( i += 1; ); i", 5.0),
        ("i = 0; while(i += 1; i < 5;); i", 5.0),
        ("x[3] = 7; x[2 + 1] + 3[0]", 14.0),
        ("x = 1; // x = 2;\n/* x = 3; \n */ x", 1.0),
        ("0 && (x = 1); 1 || (x = 2); x", 0.0),  # what decides nothing is not run
        ("1 ? x = 4; x", 4.0),
    ],
)
def test_statements_leave_what_the_reference_says(code: str, value: float) -> None:
    assert value_of(code) == value


def test_functions_work_on_the_namespace_that_they_are_called_in() -> None:
    program = Program()
    program.compile(
        """
        function set_foo(x) instance(foo) ( foo = x; );
        function test2() ( this.set_foo(32); );
        function set_par_foo(x) ( this..foo = x; );
        whatever.set_foo(31);
        set_foo(33);
        other.test2();
        a.b.set_par_foo(2);
        set_by_hand.foo = 5;
        """
    )()
    assert [program[name] for name in ("whatever.foo", "set_foo.foo", "other.foo", "a.foo", "set_by_hand.foo")] == [31, 33, 32, 2, 5]


def test_functions_have_parameters_locals_and_a_value() -> None:
    program = Program()
    program.compile("y = 100; function twice(x) local(y) ( y = 2 * x; y + 0; ); z = twice(twice(3));")()
    assert (program["z"], program["y"]) == (12.0, 100.0)


def test_instance_objects_nest() -> None:
    program = Program()
    program.compile(
        """
        function step(x) instance(z) ( z += x; z; );
        function run(x) instance(one two) ( two.step(one.step(x)); );
        left.run(1); left.run(1); right.run(5);
        """
    )()
    assert [program[name] for name in ("left.one.z", "left.two.z", "right.one.z")] == [2.0, 3.0, 5.0]


@pytest.mark.parametrize(
    "code",
    [
        "1e-5",  # no exponents in EEL2
        "x = 1 y = 2",
        "x = (1 + 2",
        "1 + 2)",
        "f(1)",  # used before it is defined
        "f(1); function f(x) ( x );",
        "function f(x) ( f(x) );",  # no recursion
        "function f(x) ( x ); f(1, 2)",
        "function f(x) globals(a) ( a = b; ); f(1)",
        "sin(1, 2)",
        "3 = x",
        "this.x = 1",
        "$tau",
        "x = 1, y = 2",
        '"text"',
        "loop(3)",
    ],
)
def test_what_eel2_refuses_is_refused(code: str) -> None:
    with pytest.raises(Eel2Error):
        value_of(code)


EFFECT = """desc:Two gains
//tags: gain
slider1:0.5<0,2,0.01>Left
slider2:100<20,20000,1:log=1000>-Hidden frequency
slider3:1<0,2,1{off,on,more}>Choice
in_pin:left
in_pin:right
out_pin:left
out_pin:right

@init
n_inits += 1; from_init = slider1;
@slider
gain = slider1; n_sliders += 1;
@sample
spl0 *= gain;
spl1 = spl1 * from_init + slider2 * 0 + (srate == 48000 ? 0 : 100);
"""


def test_an_effect_runs_init_then_slider_then_every_sample() -> None:
    effect = Jsfx(EFFECT)
    assert effect.description == "Two gains"
    first, second = effect.sliders[1], effect.sliders[2]
    assert (first.default, first.minimum, first.maximum, first.step, first.label) == (0.5, 0.0, 2.0, 0.01, "Left")
    assert (second.shape, second.label) == ("log=1000", "-Hidden frequency")
    ones = np.ones((2, 3))
    np.testing.assert_array_equal(effect.process(ones, 48_000.0), ones * 0.5)
    changed = effect.process(ones, 48_000.0, {1: 2.0})
    np.testing.assert_array_equal(changed, [[2.0] * 3, [0.5] * 3])  # @init ran with the defaults, @slider with what was set
    assert (effect.program["n_inits"], effect.program["n_sliders"]) == (1.0, 1.0)
    assert effect.process(ones, 44_100.0)[1, 0] == 100.5


@pytest.mark.parametrize(
    "text",
    ["@init\nx = 1;", "desc:x\nslider1:abc<0,1>x\n", "desc:x\nnonsense\n", "desc:x\n@gfx\nx = 1;", "desc:x\n@sample\nspl0 = ;"],
)
def test_files_that_are_no_effect_are_refused(text: str) -> None:
    with pytest.raises(Eel2Error):
        Jsfx(text)


def test_a_one_pole_filter_sounds_as_its_formula() -> None:
    text = "desc:One pole\n@init\nfunction run(x) instance(z) ( z = x + 0.5 * z; );\n@sample\nspl0 = L.run(spl0);\n"
    impulse = np.zeros((1, 8))
    impulse[0, 0] = 1.0
    np.testing.assert_allclose(Jsfx(text).process(impulse, 48_000.0)[0], 0.5 ** np.arange(8), rtol=1e-15)
