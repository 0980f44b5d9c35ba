//! A program, written down in the way that compresses best.
//!
//! In which order a program lists its functions, and by which numbers a function calls its variables, means
//! nothing to what it does. Compilers have their own reasons, or none; to a compressor, which finds again what
//! it has just seen, it is worth 3 % of the page's download. So here
//!
//! * functions that are the same become one;
//! * each function is followed by the one of which the greatest part stands in it and in those before;
//! * the variables of a function have numbers by how often they are named;
//! * loads and stores do not say how their address is aligned. That is a hint which the machines of today
//!   do not need, and the same load has it now so and now so.

use anyhow::Result;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, FunctionSection, Instruction, MemArg, Module};
use wasmparser::{
    BinaryReaderError, CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader,
    Operator, Parser, Payload, TypeRef,
};

/// How many bytes in a row are compared, which is about two instructions.
const WINDOW: usize = 4;
/// What stands in more functions than this says little about how alike two of them are, and is most of the work.
const COMMON: usize = 2_000;
/// More than the logarithm of that.
const LOG_MAX: u32 = 14;

/// The instruction, counted from 0, that names the address of the room which a function takes on the stack. That
/// variable has the first number, so that such functions begin alike.
const FRAME: usize = 3;

/// The same program as `wasm`, arranged. What only linkers and debuggers read is left out.
pub(crate) fn arrange(wasm: &[u8]) -> Result<Vec<u8>> {
    let program = Program::read(wasm)?;
    let all = program.all();
    let mut wasm = program.write(&all, &all)?;
    loop {
        let program = Program::read(&wasm)?;
        let all = program.all();
        let same = program.first_of_same();
        let kept: Vec<usize> = all.iter().copied().filter(|&at| same[at] == at).collect();
        if kept == all {
            return program.write(&program.by_likeness(), &all);
        }
        // Functions that call what has become one function may be the same now.
        wasm = program.write(&kept, &same)?;
    }
}

/// What of a program is looked at.
struct Program<'a> {
    wasm: &'a [u8],
    /// How many parameters each type of function has.
    params: Vec<usize>,
    /// The functions that come from outside; they have the first numbers.
    imported: usize,
    functions: Vec<Function<'a>>,
}

struct Function<'a> {
    /// The number of its type.
    kind: u32,
    body: FunctionBody<'a>,
}

impl<'a> Program<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self> {
        let (mut params, mut imported, mut kinds) = (Vec::new(), 0, Vec::new());
        let mut functions = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(types) => {
                    for kind in types.into_iter_err_on_gc_types() {
                        params.push(kind?.params().len());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(of_functions) => {
                    kinds = of_functions.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::CodeSectionEntry(body) => {
                    functions.push(Function { kind: kinds[functions.len()], body });
                }
                _ => {}
            }
        }
        Ok(Self { wasm, params, imported, functions })
    }

    /// The functions that are not imported, as they stand.
    fn all(&self) -> Vec<usize> {
        (0..self.functions.len()).collect()
    }

    /// For each function the first one that is the same.
    fn first_of_same(&self) -> Vec<usize> {
        let mut seen = BTreeMap::new();
        let functions = self.functions.iter().enumerate();
        functions
            .map(|(at, one)| *seen.entry((one.kind, one.body.as_bytes())).or_insert(at))
            .collect()
    }

    /// All functions, each followed by the one of which the greatest part stands in it and in those before.
    fn by_likeness(&self) -> Vec<usize> {
        let contents: Vec<_> =
            self.functions.iter().map(|one| windows(one.body.as_bytes())).collect();
        let mut owners: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, windows) in contents.iter().enumerate() {
            windows.iter().for_each(|&window| owners.entry(window).or_default().push(at));
        }
        owners.retain(|_, owners| owners.len() <= COMMON);

        let mut left = self.all();
        let mut order = Vec::with_capacity(left.len());
        let mut shared = vec![0; left.len()];
        while !left.is_empty() {
            // In whole numbers, so that the order is the same everywhere.
            let part = |at: usize| shared[at] * 4_000 / contents[at].len().max(1);
            let best = (0..left.len()).rev().max_by_key(|&index| part(left[index])).unwrap_or(0);
            let next = left.remove(best);
            order.push(next);
            // A compressor remembers what stood before that one, too.
            shared.iter_mut().for_each(|shared| *shared /= 2);
            for owners in contents[next].iter().filter_map(|window| owners.get(window)) {
                // What stands in few functions says much more of how alike they are.
                let weight = 4 * (LOG_MAX - owners.len().ilog2()).pow(2) as usize;
                owners.iter().for_each(|&owner| shared[owner] += weight);
            }
        }
        order
    }

    /// The program with these functions alone, in this order; instead of one that is not among them, the one is called
    /// that is the `same`.
    fn write(&self, order: &[usize], same: &[usize]) -> Result<Vec<u8>> {
        let mut places = vec![0; self.functions.len()];
        for (place, &at) in order.iter().enumerate() {
            places[at] = place;
        }
        let places = same.iter().map(|&at| self.imported + places[at]);
        let numbers = (0..self.imported).chain(places).map(|number| number as u32).collect();
        let mut module = Module::new();
        let mut writer = Writer { program: self, order, numbers, variables: Vec::new() };
        writer.parse_core_module(&mut module, Parser::new(0), self.wasm)?;
        Ok(module.finish())
    }

    /// The number of each variable of a function: parameters stay, the others of one type follow each other by
    /// how often they are named, then by where first.
    fn variables(&self, function: &Function<'_>) -> Result<Vec<u32>, BinaryReaderError> {
        let params = self.params[function.kind as usize];
        let mut groups = vec![params];
        for group in function.body.get_locals_reader()? {
            groups.push(group?.0 as usize);
        }
        // How often each is named, and where first.
        let mut uses = vec![(0, 0); groups.iter().sum()];
        for (place, operator) in function.body.get_operators_reader()?.into_iter().enumerate() {
            use Operator::{LocalGet, LocalSet, LocalTee};
            if let LocalGet { local_index } | LocalSet { local_index } | LocalTee { local_index } =
                operator?
            {
                let (count, first) = &mut uses[local_index as usize];
                *first = if *count == 0 { place } else { *first };
                *count += 1;
            }
        }
        let mut numbers: Vec<u32> = (0..uses.len() as u32).collect();
        let mut start = params;
        for count in &groups[1..] {
            let mut group: Vec<usize> = (start..start + count).collect();
            group.sort_by_key(|&at| (uses[at].1 != FRAME, Reverse(uses[at].0), uses[at].1));
            for (place, &at) in group.iter().enumerate() {
                numbers[at] = (start + place) as u32;
            }
            start += count;
        }
        Ok(numbers)
    }
}

/// What stands in a function, a few bytes at a time, each once.
fn windows(body: &[u8]) -> Vec<u32> {
    let mut windows: Vec<u32> =
        body.array_windows().map(|bytes: &[u8; WINDOW]| u32::from_le_bytes(*bytes)).collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// Writes a program down again.
struct Writer<'a> {
    program: &'a Program<'a>,
    order: &'a [usize],
    /// The new number of each function, imported ones included.
    numbers: Vec<u32>,
    /// The new number of each variable of the function that is being written.
    variables: Vec<u32>,
}

type Written<T> = Result<T, Error<Infallible>>;

impl Reencode for Writer<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Written<u32> {
        Ok(self.numbers[function as usize])
    }

    fn mem_arg(&mut self, arg: wasmparser::MemArg) -> Written<MemArg> {
        Ok(MemArg { align: 0, ..utils::mem_arg(self, arg)? })
    }

    fn instruction<'b>(&mut self, operator: Operator<'b>) -> Written<Instruction<'b>> {
        let number = |index: u32| self.variables[index as usize];
        Ok(match operator {
            Operator::LocalGet { local_index } => Instruction::LocalGet(number(local_index)),
            Operator::LocalSet { local_index } => Instruction::LocalSet(number(local_index)),
            Operator::LocalTee { local_index } => Instruction::LocalTee(number(local_index)),
            other => utils::instruction(self, other)?,
        })
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Written<()> {
        for &at in self.order {
            functions.function(self.program.functions[at].kind);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Written<()> {
        for &at in self.order {
            let function = &self.program.functions[at];
            self.variables = self.program.variables(function)?;
            self.parse_function_body(code, function.body.clone())?;
        }
        Ok(())
    }

    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Written<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        EntityType, ExportKind, ExportSection, Function as Body, ImportSection, MemorySection,
        MemoryType, TypeSection, ValType,
    };

    /// An imported function, and of our own: two that are the same, two that call one of these each, and
    /// one with variables and an aligned load.
    fn program() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("a", "b", EntityType::Function(0));
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        let mut add = |kind: u32, variables: &[(u32, ValType)], body: &[Instruction<'_>]| {
            functions.function(kind);
            let mut function = Body::new(variables.iter().copied());
            body.iter().for_each(|instruction| {
                function.instruction(instruction);
            });
            code.function(&function);
        };
        use Instruction::{Call, End, I32Load, LocalGet, LocalSet, LocalTee};
        add(0, &[], &[Call(0), End]);
        add(0, &[], &[Call(0), End]);
        add(0, &[], &[Call(1), Call(0), End]);
        add(0, &[], &[Call(2), Call(0), End]);
        let load = I32Load(MemArg { offset: 8, align: 2, memory_index: 0 });
        let variables = [(2, ValType::I32), (1, ValType::I64)];
        let body = [
            LocalGet(0),
            LocalSet(1),
            LocalGet(0),
            load,
            LocalTee(2),
            LocalSet(2),
            LocalGet(2),
            End,
        ];
        add(1, &variables, &body);
        let memory = MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        let mut memories = MemorySection::new();
        memories.memory(memory);
        let mut exports = ExportSection::new();
        exports.export("first", ExportKind::Func, 3);
        exports.export("second", ExportKind::Func, 4);
        exports.export("load", ExportKind::Func, 5);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code);
        module.finish()
    }

    #[test]
    fn arranged_programs_are_valid_and_small() {
        let wasm = arrange(&program()).unwrap();
        wasmparser::validate(&wasm).unwrap();
        let arranged = Program::read(&wasm).unwrap();
        assert_eq!((arranged.imported, arranged.functions.len()), (1, 3));
        let exports = Parser::new(0).parse_all(&wasm).find_map(|payload| match payload.unwrap() {
            Payload::ExportSection(exports) => Some(exports),
            _ => None,
        });
        let numbers: Vec<u32> =
            exports.unwrap().into_iter().map(|export| export.unwrap().index).collect();
        assert_eq!(numbers[0], numbers[1], "what calls the same is the same");
        let load = &arranged.functions[numbers[2] as usize - arranged.imported];
        let operators: Vec<String> = load
            .body
            .get_operators_reader()
            .unwrap()
            .into_iter()
            .map(|operator| format!("{:?}", operator.unwrap()))
            .collect();
        assert_eq!(operators[1], "LocalSet { local_index: 2 }", "the variable that is named least");
        assert!(
            operators[3].contains("align: 0") && operators[3].contains("offset: 8"),
            "{operators:?}"
        );
    }

    #[test]
    fn what_is_alike_follows_each_other() {
        let body = |constants: std::ops::Range<i32>| {
            let mut function = Body::new([]);
            for constant in constants {
                function.instruction(&Instruction::I32Const(constant));
                function.instruction(&Instruction::Drop);
            }
            function.instruction(&Instruction::End);
            function
        };
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        for constants in [0..40, 100..140, 10..45, 105..145] {
            functions.function(0);
            code.function(&body(constants));
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        let wasm = module.finish();
        assert_eq!(Program::read(&wasm).unwrap().by_likeness(), [0, 2, 1, 3]);
    }
}
