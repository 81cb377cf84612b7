/**
 * The innermost loop of reading numbers, in WebAssembly: it has the 64-bit integers that JavaScript lacks,
 * so that eight digits are read at a time and 19 fit into one. 150,000 floats take half the time of the same
 * loop in JavaScript (docs/decisions/json.md).
 *
 * It reads numbers with one comma and at most one space between them; whatever else it meets it leaves where
 * it is.
 */

import { assembleModule } from './wasm-text.ts';

/** Bytes of text at a time; behind them stand bytes that end no number. */
export const windowBytes = 40_960;
export const mostNumbers = 2048;

/** Where things lie in its memory. */
const valuesAt = 0xc000;
const placesAt = 0x10000;
const exactAt = 0x12000;
const highAt = 0x13000;
const lowAt = 0x15000;
const upperAt = 0x17000;
const lowerAt = 0x19000;
const resultAt = 0x1f000;

/** Powers of ten in the tables: from -powerLimit to powerLimit. */
export const powerLimit = 270;

/** Why it stopped. */
export const stops = {
  /** Behind a number. */
  afterValue: 0,
  /** Behind a comma. */
  afterComma: 1,
  /** In front of something else than a common number. */
  uncommon: 2,
  /** In front of a number whose power of ten is not in the tables. */
  powerMissing: 3,
} as const;

/** What was met in numbers beside digits, as bits; a word counts as an exponent. */
export const signs = { point: 1, exponent: 2 } as const;

const code = `
block $out
loop $next
  i32.const ${stops.uncommon} local.set $state
  local.get $at local.set $start
  local.get $at i32.load8_u 0 i32.const 0x2d i32.eq local.tee $negative
  local.get $at i32.add local.tee $at local.set $first
  i64.const 0 local.set $mantissa
  ; the digits before the point
  loop $whole
    local.get $at i32.load8_u 0 i32.const 0x30 i32.sub local.tee $sign
    i32.const 9 i32.le_u if
      local.get $mantissa i64.const 10 i64.mul local.get $sign i64.extend_i32_u i64.add local.set $mantissa
      local.get $at i32.const 1 i32.add local.set $at
      br $whole
    end
  end
  local.get $at local.get $first i32.sub local.tee $digits i32.eqz br_if $out
  ; a leading zero stands alone
  local.get $first i32.load8_u 0 i32.const 0x30 i32.eq local.get $digits i32.const 1 i32.ne i32.and br_if $out
  i32.const 0 local.set $exponent
  local.get $sign i32.const -2 i32.eq if
    local.get $signs i32.const ${signs.point} i32.or local.set $signs
    local.get $at i32.const 1 i32.add local.tee $at local.set $point
    ; eight digits at a time
    block $few
    loop $eight
      local.get $at i64.load 0 local.tee $word
      i64.const 0xf0f0f0f0f0f0f0f0 i64.and
      local.get $word i64.const 0x0606060606060606 i64.add i64.const 0xf0f0f0f0f0f0f0f0 i64.and
      i64.const 4 i64.shr_u i64.or
      i64.const 0x3333333333333333 i64.eq i32.eqz br_if $few
      local.get $word i64.const 0x3030303030303030 i64.sub local.tee $word
      i64.const 10 i64.mul local.get $word i64.const 8 i64.shr_u i64.add local.tee $word
      i64.const 0x000000ff000000ff i64.and i64.const 0x000f424000000064 i64.mul
      local.get $word i64.const 16 i64.shr_u
      i64.const 0x000000ff000000ff i64.and i64.const 0x0000271000000001 i64.mul
      i64.add i64.const 32 i64.shr_u
      local.get $mantissa i64.const 100000000 i64.mul i64.add local.set $mantissa
      local.get $at i32.const 8 i32.add local.set $at
      br $eight
    end
    end
    loop $single
      local.get $at i32.load8_u 0 i32.const 0x30 i32.sub local.tee $sign
      i32.const 9 i32.le_u if
        local.get $mantissa i64.const 10 i64.mul local.get $sign i64.extend_i32_u i64.add local.set $mantissa
        local.get $at i32.const 1 i32.add local.set $at
        br $single
      end
    end
    local.get $point local.get $at i32.sub local.tee $exponent i32.eqz br_if $out
    local.get $digits local.get $exponent i32.sub local.set $digits
    ; zeros in front of all other digits do not count
    local.get $digits i32.const 19 i32.gt_s if
      local.get $first i32.load8_u 0 i32.const 0x30 i32.eq if
        local.get $digits i32.const 1 i32.sub local.set $digits
        loop $zero
          local.get $point i32.load8_u 0 i32.const 0x30 i32.eq if
            local.get $digits i32.const 1 i32.sub local.set $digits
            local.get $point i32.const 1 i32.add local.set $point
            br $zero
          end
        end
      end
    end
  end
  local.get $digits i32.const 19 i32.gt_s br_if $out
  local.get $sign i32.const 0x20 i32.or i32.const 0x35 i32.eq if
    local.get $signs i32.const ${signs.exponent} i32.or local.set $signs
    local.get $at i32.const 1 i32.add local.tee $at
    i32.load8_u 0 local.tee $sign i32.const 0x2d i32.eq local.tee $isSmall
    local.get $sign i32.const 0x2b i32.eq i32.or local.get $at i32.add local.tee $at local.set $point
    i32.const 0 local.set $power
    loop $exponentDigit
      local.get $at i32.load8_u 0 i32.const 0x30 i32.sub local.tee $sign
      i32.const 9 i32.le_u local.get $at local.get $point i32.sub i32.const 4 i32.lt_s i32.and if
        local.get $power i32.const 10 i32.mul local.get $sign i32.add local.set $power
        local.get $at i32.const 1 i32.add local.set $at
        br $exponentDigit
      end
    end
    local.get $at local.get $point i32.eq br_if $out
    local.get $isSmall if
      local.get $exponent local.get $power i32.sub local.set $exponent
    else
      local.get $exponent local.get $power i32.add local.set $exponent
    end
  end
  ; behind it: a comma, a bracket, a brace or white space
  local.get $sign i32.const 0x30 i32.add local.tee $sign i32.const 0x2c i32.ne if
    local.get $sign i32.const 0x20 i32.gt_u local.get $sign i32.const 0x5d i32.ne i32.and
    local.get $sign i32.const 0x7d i32.ne i32.and br_if $out
  end
  block $done
    local.get $mantissa i64.const 9007199254740993 i64.lt_u
    local.get $exponent i32.const 22 i32.add i32.const 44 i32.le_u i32.and if
      ; one operation on exact doubles
      local.get $mantissa f64.convert_i64_u local.set $value
      local.get $exponent i32.const 0 i32.lt_s if
        local.get $value
        i32.const 0 local.get $exponent i32.sub i32.const 3 i32.shl f64.load ${exactAt} f64.div local.set $value
      else
        local.get $value
        local.get $exponent i32.const 3 i32.shl f64.load ${exactAt} f64.mul local.set $value
      end
      br $done
    end
    f64.const 0 local.set $value
    local.get $mantissa i64.eqz br_if $done
    local.get $exponent i32.const ${powerLimit} i32.add local.tee $index8 i32.const ${2 * powerLimit} i32.gt_u br_if $out
    local.get $index8 i32.const 3 i32.shl local.tee $index8 f64.load ${highAt} local.tee $tenth
    f64.const 0 f64.eq if
      i32.const ${stops.powerMissing} local.set $state
      br $out
    end
    local.get $mantissa f64.convert_i64_u local.tee $high local.get $tenth f64.mul local.set $value
    local.get $asFloats if
      ; off by less than 2^-49, which most often does not matter to a float
      local.get $value f64.const ${1 - 2 ** -49} f64.mul f32.demote_f64
      local.get $value f64.const ${1 + 2 ** -49} f64.mul f32.demote_f64
      f32.ne br_if $out
      br $done
    end
    local.get $value f64.const 1e-260 f64.gt local.get $value f64.const 1e300 f64.lt i32.and i32.eqz br_if $out
    ; the product to twice the precision
    local.get $mantissa local.get $high i64.trunc_f64_u i64.sub f64.convert_i64_s local.set $low
    local.get $high f64.const 134217729 f64.mul local.tee $left
    local.get $left local.get $high f64.sub f64.sub local.set $left
    local.get $high local.get $left f64.sub local.set $right
    local.get $left local.get $index8 f64.load ${upperAt} f64.mul local.get $value f64.sub
    local.get $left local.get $index8 f64.load ${lowerAt} f64.mul f64.add
    local.get $right local.get $index8 f64.load ${upperAt} f64.mul f64.add
    local.get $right local.get $index8 f64.load ${lowerAt} f64.mul f64.add
    local.get $high local.get $index8 f64.load ${lowAt} f64.mul
    local.get $low local.get $tenth f64.mul f64.add f64.add local.set $rest
    local.get $value f64.const 7.9e-31 f64.mul local.set $slack
    local.get $value local.get $rest local.get $slack f64.sub f64.add local.tee $low
    local.get $value local.get $rest local.get $slack f64.add f64.add f64.ne br_if $out
    local.get $low local.set $value
  end
  local.get $negative if
    local.get $value f64.neg local.set $value
  end
  local.get $count i32.const 3 i32.shl local.get $value f64.store ${valuesAt}
  local.get $count i32.const 2 i32.shl local.get $base local.get $start i32.add i32.store ${placesAt}
  local.get $count i32.const 1 i32.add local.set $count
  i32.const ${stops.afterValue} local.set $state
  local.get $sign i32.const 0x2c i32.ne br_if $out
  local.get $at local.get $stop i32.ge_s br_if $out
  local.get $at i32.const 1 i32.add local.tee $at
  i32.load8_u 0 i32.const 0x20 i32.eq local.get $at i32.add local.set $at
  i32.const ${stops.afterComma} local.set $state
  local.get $count local.get $room i32.eq br_if $out
  local.get $at i32.load8_u 0 local.tee $sign i32.const 0x2d i32.eq
  local.get $sign i32.const 0x30 i32.sub i32.const 9 i32.le_u i32.or br_if $next
end
end
i32.const 0 local.get $at i32.store ${resultAt}
local.get $state i32.const 1 i32.gt_s if
  i32.const 0 local.get $start i32.store ${resultAt}
end
i32.const 0 local.get $state i32.store ${resultAt + 4}
i32.const 0 local.get $signs i32.store ${resultAt + 8}
i32.const 0 local.get $exponent i32.store ${resultAt + 12}
local.get $count
`;

/** The part of it that is used; Node's types have none. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => {
    readonly exports: { readonly run: unknown; readonly memory: { readonly buffer: ArrayBuffer } };
  };
};

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(
    assembleModule({
      params: ['$at', '$base', '$stop', '$room', '$asFloats'],
      locals: {
        i32: [
          ...['$count', '$state', '$start', '$negative', '$first', '$sign', '$digits'],
          ...['$exponent', '$point', '$signs', '$isSmall', '$power', '$index8'],
        ],
        i64: ['$mantissa', '$word'],
        f64: ['$value', '$high', '$low', '$tenth', '$left', '$right', '$rest', '$slack'],
      },
      code,
      memoryPages: 2,
    }),
  ),
);
const { buffer } = exports.memory;

/** Where the text goes that is read next. */
export const kernelText = new Uint8Array(buffer, 0, windowBytes + 64);
/** What was read: the numbers, and where they began in the body. */
export const kernelValues = new Float64Array(buffer, valuesAt, mostNumbers);
export const kernelPlaces = new Uint32Array(buffer, placesAt, mostNumbers);
/** Where it stopped in the text; why (`stops`); the `signs` that were met; the last exponent. */
export const kernelResult = new Int32Array(buffer, resultAt, 4);

/** 10^0 to 10^22, and the tables of powers-of-ten.ts. */
export const kernelPowers = {
  exact: new Float64Array(buffer, exactAt, 23),
  high: new Float64Array(buffer, highAt, 2 * powerLimit + 1),
  low: new Float64Array(buffer, lowAt, 2 * powerLimit + 1),
  upper: new Float64Array(buffer, upperAt, 2 * powerLimit + 1),
  lower: new Float64Array(buffer, lowerAt, 2 * powerLimit + 1),
};

/**
 * Reads numbers from `at` of the text on and gives how many: at most `room`, none that begins behind a comma
 * at or after `stop`. `base` is where the text stands in the body.
 */
export const runKernel = exports.run as (
  at: number,
  base: number,
  stop: number,
  room: number,
  asFloats: number,
) => number;
